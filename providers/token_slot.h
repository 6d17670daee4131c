#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/await.h"
#include "core/clock.h"
#include "providers/access_token.h"
#include "providers/configuration.h"
#include "providers/settings.h"
#include "providers/setup.h"
#include "providers/token_manager.h"
#include "storage/token_store.h"

namespace herald::providers {

using TokenRecordPtr = std::shared_ptr<const storage::TokenRecord>;

/// What a flight brought: the token as workers use it and as it is kept.
struct Obtained {
    AccessTokenPtr access;  ///< null: how it is shown now is in files that nobody has read yet
    TokenRecordPtr record;
};

/// How long a token lives, counted from when its request was started.
struct TokenLife {
    core::SteadyTime requested_at;
    std::chrono::milliseconds length;
};

/// One who waits for a flight. Leaving never ends the flight (O-73).
struct Waiter {
    core::Done<Obtained> done;
    /// None: a person waits, as long as the flight takes.
    std::optional<core::SteadyTime> deadline;
    /// What a person's set-up brought, for a flight of its own; null: any token will do.
    std::shared_ptr<const SetupCode> setup = nullptr;
    /// A receiver refused this generation: only a later one will do.
    std::int64_t refused = -1;
};

/// One token request under way: what it is made of, taken from the slot at one moment. Nothing of
/// the slot is read again until it lands.
struct Flight {
    ConfigurationPtr configuration;
    storage::TokenFence fence;
    std::shared_ptr<const core::Secret> refresh_token = nullptr;  ///< to be presented; null: none
    std::shared_ptr<const SetupCode> setup = nullptr;             ///< to be exchanged; null: none
    std::shared_ptr<const DpopKey> dpop = nullptr;                ///< null: no proof of possession
    core::Masking masking = {};                                   ///< the slot's
};
using FlightPtr = std::shared_ptr<const Flight>;

/// All that the token manager knows about one provider, and the decisions that follow from it.
///
/// Thread-safety: none, the token thread owns it; `cell` and `counters` are shared.
/// States and transitions: docs/tokens.md.
class TokenSlot final {
public:
    TokenSlot(storage::ProviderRecord record, std::shared_ptr<TokenCell> token_cell,
              std::unique_ptr<core::Timer> wake);

    // Which token may be used.

    /// Adopts what the store holds: at start, and after a change of configuration.
    void adopt(storage::ProviderRecord record, std::optional<storage::TokenRecord> stored,
               core::Clock& clock, core::Random& random);
    /// The stored token, as `how` has it shown; null where there is none that lives.
    [[nodiscard]] AccessTokenPtr stored_access(std::shared_ptr<const TokenUse> how,
                                               core::Clock& clock, core::Random& random) const;
    /// Makes it usable, where that had to wait for a file.
    void show_stored(std::shared_ptr<const TokenUse> how, core::Clock& clock, core::Random& random);
    /// What a flight brought, as it is kept; it becomes the current token by `put`.
    [[nodiscard]] TokenRecordPtr numbered(storage::TokenRecord brought, const Flight& landed);
    /// Makes it the current one and publishes it as `how` has it shown, where that is known. One of
    /// no length of life is only for those who wait.
    [[nodiscard]] Obtained put(TokenRecordPtr brought, const Flight& landed,
                               std::shared_ptr<const TokenUse> how, TokenLife life,
                               core::Clock& clock, core::Random& random);
    /// `successor` takes the place of `presented`, where that is still the refresh token.
    void follow_rotation(const core::Secret& presented, const core::Secret& successor);
    void drop_token();
    [[nodiscard]] bool usable(core::SteadyTime now) const {
        return access && now < access->usable_until;
    }
    /// Whether the stored token waits for `show_stored`.
    [[nodiscard]] bool waits_for_files() const { return !use; }

    // When to ask for one.

    /// Why nothing may be asked automatically now, in the words of `auth_unavailable`'s class;
    /// empty: it may.
    [[nodiscard]] std::optional<std::string> automatic_block(core::SteadyTime now) const;
    /// Whether a flight is to start now.
    [[nodiscard]] bool wants_flight(core::SteadyTime now) const;
    /// Whether a person waits for the next flight.
    [[nodiscard]] bool is_asked_by_hand() const;
    /// When to look again.
    [[nodiscard]] std::optional<core::SteadyTime> next_look(core::SteadyTime now) const;
    /// Counts a forced refresh, or refuses it: 1 per 30 s and 5 per 10 min (O-89).
    [[nodiscard]] bool allow_forced(core::SteadyTime now);

    // What became of it.

    /// Notes a failure and until when nothing is asked again; returns the condition the provider is
    /// in now.
    [[nodiscard]] storage::ProviderCondition note_failure(core::Error& error, core::SteadyTime now,
                                                          core::Random& random);
    void note_success();
    /// Takes the waiters whose deadline has passed.
    [[nodiscard]] std::vector<Waiter> take_expired(core::SteadyTime now);

    // Who waits, and for what.

    /// What the next flight is made of: the first set-up that waits goes alone.
    [[nodiscard]] Flight take_off() const;
    /// Whether it is still of this configuration, and nothing was revoked since it took off.
    [[nodiscard]] bool is_current(const Flight& one) const;
    /// Takes those whom a failed flight concerns: a set-up its own person, any other all but the
    /// set-ups.
    [[nodiscard]] std::vector<Waiter> take_waiters_of(const Flight& failed);
    /// Takes those whom a token serves: a set-up's person, and everybody who needs any token. Who
    /// is to use it waits on where it cannot be used yet.
    [[nodiscard]] std::vector<Waiter> take_served_by(const Flight& landed, const Obtained& brought);
    /// Takes those whom the stored token serves: nobody who asks for a new one.
    [[nodiscard]] std::vector<Waiter> take_served_by_stored();
    /// Takes the set-ups, whose codes belong to a configuration that is no more.
    [[nodiscard]] std::vector<Waiter> take_setups();

    [[nodiscard]] storage::TokenFence fence() const;
    /// Hides the record's credentials and the tokens of the last generations, whatever became of
    /// them: servers remember, and echo.
    [[nodiscard]] const core::Masking& masking() const { return masking_; }
    [[nodiscard]] const storage::ProviderRecord& record() const { return configuration->record(); }
    [[nodiscard]] const ProviderSettings& settings() const { return configuration->settings(); }
    [[nodiscard]] const std::string& name() const { return record().name; }

    ConfigurationPtr configuration;  ///< replaced as a whole, never null
    storage::ProviderCondition condition = storage::ProviderCondition::kOk;
    std::optional<storage::ProviderError> last_error;
    std::int64_t invalidation_epoch = 0;

    std::shared_ptr<const TokenUse> use;  ///< null: it needs files that nobody has read yet
    std::shared_ptr<const DpopKey> dpop;  ///< null: no proof of possession
    std::optional<PendingSetup> pending_setup;
    TokenRecordPtr token;  ///< may hold a refresh token alone
    AccessTokenPtr access;
    const std::shared_ptr<TokenCell> cell;
    const std::unique_ptr<core::Timer> timer;

    std::vector<Waiter> waiters;
    FlightPtr flight;     ///< null: none is under way
    bool urgent = false;  ///< a receiver refused the token: do not space this flight from the last
    bool wanted = false;  ///< callouts are parked for it
    bool gone = false;    ///< deleted
    core::SteadyTime earliest;  ///< automatic flights start at least a second apart (O-57, O-77)

    struct Counters {
        std::atomic<std::int64_t> ok{0}, failed{0}, waits{0}, forced{0}, request_ms{0};
    };
    const std::shared_ptr<Counters> counters = std::make_shared<Counters>();

private:
    [[nodiscard]] std::vector<Waiter> take_if(const std::function<bool(const Waiter&)>& chosen);

    void remember(const storage::TokenRecord& stored);
    void renew_masking();

    /// Sets when the grant is refreshed though nobody uses it (O-83).
    void plan_grant_refresh(bool end_is_fixed, core::Clock& clock, core::Random& random);

    core::SteadyTime blocked_until_;
    std::optional<core::SteadyTime> grant_refresh_at_;
    int failures_ = 0;
    std::string last_answer_;  ///< of an unknown refusal, and how often in a row (O-105)
    int alike_ = 0;
    std::int64_t last_generation_ = 0;
    std::deque<core::SteadyTime> forced_;
    std::deque<core::Secret> seen_tokens_;  ///< the newest last
    core::Masking masking_;
};
using SlotPtr = std::shared_ptr<TokenSlot>;

}  // namespace herald::providers
