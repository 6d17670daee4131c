"""As much of a browser as a login page needs: cookies, redirects, forms; no scripts."""

import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

MAX_STEPS = 20


class FormParser(html.parser.HTMLParser):
    """The first form of a page: where it goes, how, and its named inputs (buttons are the user's choice)."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.method = "get"
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action") or ""
            self.method = attributes.get("method", "get").lower()
        elif tag == "input" and self.action is not None and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value") or ""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """`fill_in(fields)` returns what the user enters into a form, given its inputs; None when the user stops there."""

    def __init__(self, fill_in=lambda fields: {}):
        self.fill_in = fill_in
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPCookieProcessor(jar),
                                                  urllib.request.ProxyHandler({}))

    def open(self, url, form=None):
        """(status, headers, text)."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(urllib.request.Request(url, data), timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def walk(self, url):
        """Follows redirects within the site and submits its forms; returns (URL leaving the site or None, page)."""
        site = urllib.parse.urlsplit(url)[:2]
        form = None
        for _ in range(MAX_STEPS):
            status, headers, page = self.open(url, form)
            form = None
            if 300 <= status < 400:
                url = urllib.parse.urljoin(url, headers["Location"])
                if urllib.parse.urlsplit(url)[:2] != site:
                    return url, page
                continue
            parsed = FormParser(page)
            if status != 200 or parsed.action is None:
                return None, page
            entered = self.fill_in(parsed.fields)
            if entered is None:
                return None, page
            form = parsed.fields | entered
            url = urllib.parse.urljoin(url, parsed.action or url)
            if parsed.method == "get":
                url, form = f"{url.partition('?')[0]}?{urllib.parse.urlencode(form)}", None
        raise AssertionError(f"no end after {MAX_STEPS} pages, at {url}")

    def redirect_of(self, url, follow=False):
        """The URL the site finally redirects away to; with `follow` (status, body) of what answers there."""
        target, page = self.walk(url)
        if target is None:
            raise AssertionError(f"{url} redirects nowhere: {page}")
        if not follow:
            return target
        status, _, body = self.open(target)
        return status, body

    def last_page(self, url):
        target, page = self.walk(url)
        if target is not None:
            raise AssertionError(f"{url} redirects to {target}")
        return page
