#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace herald::dispatcher {

/// How many bytes of callouts all lanes together may hold in memory.
///
/// Thread-safety: all methods may be called concurrently.
class ByteBudget final {
public:
    static constexpr std::size_t kDefault = 256UL * 1024 * 1024;

    explicit ByteBudget(std::size_t limit = kDefault) : limit_(limit) {}

    [[nodiscard]] bool try_take(std::size_t bytes);
    /// Whatever the limit says.
    void take(std::size_t bytes) { used_.fetch_add(bytes); }
    void give_back(std::size_t bytes) { used_.fetch_sub(bytes); }
    [[nodiscard]] std::size_t used() const { return used_.load(); }
    [[nodiscard]] std::size_t left() const;

private:
    const std::size_t limit_;
    std::atomic<std::size_t> used_{0};
};

/// One lane's part of it. A lane may always hold its first callout, and a little more: it goes on,
/// one after another, however much the lanes of silent receivers hold.
///
/// Thread-safety: all methods may be called concurrently.
class LaneBytes final {
public:
    static constexpr std::size_t kMost = 16UL * 1024 * 1024;
    static constexpr std::size_t kAlways = 32UL * 1024;
    /// What the largest event costs.
    static constexpr std::size_t kLargest = 2UL * 1024 * 1024;

    /// Shares it: what is posted to a loop may keep a lane for longer than its scheduler lives.
    explicit LaneBytes(std::shared_ptr<ByteBudget> all) : all_(std::move(all)) {}
    LaneBytes(const LaneBytes&) = delete;
    LaneBytes& operator=(const LaneBytes&) = delete;
    /// What a crash of a test leaves in memory is not ours to count any more.
    ~LaneBytes() { all_->give_back(held_); }

    /// What a callout with an event of that size holds, its request included.
    [[nodiscard]] static std::size_t cost_of(std::size_t event_bytes);

    [[nodiscard]] bool try_take(std::size_t bytes);
    void take(std::size_t bytes);
    void give_back(std::size_t bytes);
    /// How many bytes of events a claim may bring, the one that reaches it included; 0 where it has
    /// to wait.
    [[nodiscard]] std::size_t claim_room() const;
    [[nodiscard]] std::size_t held() const { return held_.load(); }

private:
    const std::shared_ptr<ByteBudget> all_;
    std::atomic<std::size_t> held_{0};
};

}  // namespace herald::dispatcher
