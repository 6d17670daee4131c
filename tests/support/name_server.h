#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace herald::test {

/// A DNS server on 127.0.0.1 and a free UDP port: says what it was told to say, name by name.
///
/// Thread-safety: all methods may be called concurrently.
class NameServer final {
public:
    enum class Code { kOk = 0, kServerFailure = 2, kNoSuchName = 3, kRefused = 5, kSilence = 99 };
    struct Records {
        Code code = Code::kOk;
        std::vector<std::string> addresses = {};  ///< IPv4 and IPv6; none: no data
        std::uint32_t lifetime = 300;             ///< seconds
    };

    NameServer();
    ~NameServer();
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    /// Names that nobody spoke of do not exist.
    void set(const std::string& name, Records records);
    /// Questions for A records of that name so far.
    [[nodiscard]] int asked(const std::string& name) const;
    /// `127.0.0.1:port`.
    [[nodiscard]] std::string address() const;

private:
    void serve();
    [[nodiscard]] std::string answer(const std::string& question);

    int socket_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, Records> names_;  // guarded by mutex_
    std::map<std::string, int> asked_;      // guarded by mutex_
    std::atomic<bool> is_stopping_ = false;
    std::thread thread_;
};

}  // namespace herald::test
