#include "tests/support/name_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace herald::test {
namespace {

constexpr std::size_t kHead = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;

void append_16(std::string& text, std::uint32_t number) {
    text.push_back(static_cast<char>(number >> 8U & 0xFFU));
    text.push_back(static_cast<char>(number & 0xFFU));
}

struct Question {
    std::string name;
    std::uint16_t type = 0;
    std::size_t end = kHead;
};

Question parse(const std::string& packet) {
    Question question;
    std::size_t at = kHead;
    while (at < packet.size() && packet[at] != 0) {
        const auto length = static_cast<std::size_t>(packet[at]);
        if (!question.name.empty()) question.name.push_back('.');
        question.name.append(packet, at + 1, length);
        at += length + 1;
    }
    question.end = at + 5;
    if (question.end <= packet.size()) question.type = static_cast<unsigned char>(packet[at + 2]);
    return question;
}

// Empty where the address is of another family.
std::string bytes_of(const std::string& address, std::uint16_t type) {
    std::array<char, 16> bytes{};
    const int family = type == kTypeA ? AF_INET : AF_INET6;
    if (::inet_pton(family, address.c_str(), bytes.data()) != 1) return {};
    return {bytes.data(), type == kTypeA ? 4U : 16U};
}

}  // namespace

NameServer::NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    void* const raw = &address;
    const bool is_open = ::bind(socket_, static_cast<sockaddr*>(raw), size) == 0 &&
                         ::getsockname(socket_, static_cast<sockaddr*>(raw), &size) == 0;
    if (!is_open) throw std::runtime_error("the test name server cannot listen on 127.0.0.1");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

NameServer::~NameServer() {
    is_stopping_ = true;
    sockaddr_in self{};
    self.sin_family = AF_INET;
    self.sin_port = htons(port_);
    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const void* const raw = &self;
    ::sendto(socket_, "", 0, 0, static_cast<const sockaddr*>(raw), sizeof self);  // wakes it
    thread_.join();
    ::close(socket_);
}

void NameServer::set(const std::string& name, Records records) {
    const std::lock_guard lock(mutex_);
    names_[name] = std::move(records);
}

int NameServer::asked(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
}

std::string NameServer::address() const {
    return "127.0.0.1:" + std::to_string(port_);
}

void NameServer::serve() {
    std::array<char, 4096> bytes{};
    while (!is_stopping_) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        void* const raw = &peer;
        const auto count =
            ::recvfrom(socket_, bytes.data(), bytes.size(), 0, static_cast<sockaddr*>(raw), &size);
        if (count < static_cast<ssize_t>(kHead)) continue;
        const auto text = answer({bytes.data(), static_cast<std::size_t>(count)});
        if (text.empty()) continue;
        ::sendto(socket_, text.data(), text.size(), 0, static_cast<sockaddr*>(raw), size);
    }
}

std::string NameServer::answer(const std::string& question) {
    const auto asked = parse(question);
    Records records{.code = Code::kNoSuchName};
    {
        const std::lock_guard lock(mutex_);
        if (asked.type == kTypeA) ++asked_[asked.name];
        const auto found = names_.find(asked.name);
        if (found != names_.end()) records = found->second;
    }
    if (records.code == Code::kSilence) return {};
    std::string lines;
    std::uint32_t count = 0;
    for (const auto& address : records.addresses) {
        const auto bytes = bytes_of(address, asked.type);
        if (bytes.empty() || (asked.type != kTypeA && asked.type != kTypeAaaa)) continue;
        append_16(lines, 0xC00C);  // the name of the question
        append_16(lines, asked.type);
        append_16(lines, 1);
        append_16(lines, records.lifetime >> 16U);
        append_16(lines, records.lifetime & 0xFFFFU);
        append_16(lines, static_cast<std::uint32_t>(bytes.size()));
        lines += bytes;
        ++count;
    }
    std::string text = question.substr(0, 2);
    append_16(text, 0x8180U | static_cast<std::uint32_t>(records.code));
    append_16(text, 1);
    append_16(text, count);
    append_16(text, 0);
    append_16(text, 0);
    return text.append(question, kHead, asked.end - kHead).append(lines);
}

}  // namespace herald::test
