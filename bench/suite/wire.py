"""HTTP/1.1 as bytes: as little of it as the suite's own clients and receivers need."""


def post(path, body, content_type="application/json"):
    """A whole request, prebuilt once and sent many times."""
    head = (f"POST {path} HTTP/1.1\r\nHost: herald\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def message_length(buffer):
    """Length of the first whole message in the buffer, 0 while some of it is missing."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    head = bytes(buffer[:head_end]).lower()
    start = head.find(b"content-length:")
    length = 0
    if start >= 0:
        line_end = head.find(b"\r\n", start)
        length = int(head[start + 15:line_end if line_end >= 0 else None])
    total = head_end + 4 + length
    return total if len(buffer) >= total else 0


def authorization(message):
    """The value of the Authorization header, as bytes."""
    head = message[:message.find(b"\r\n\r\n")]
    start = head.lower().find(b"\r\nauthorization:")
    if start < 0:
        return b""
    line_end = head.find(b"\r\n", start + 2)
    return bytes(head[start + 16:line_end if line_end >= 0 else None]).strip()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
