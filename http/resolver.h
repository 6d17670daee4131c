#pragma once

#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace herald::http {

using Addresses = std::vector<boost::asio::ip::address>;
/// Shared with the resolver, which remembers it.
using AddressesPtr = std::shared_ptr<const Addresses>;

/// Names to addresses, for one event loop and on its thread; nothing blocks.
///
/// The caller checks every address.
/// Errors, all kTransient: `dns` where the name has no address, `resolver_unavailable` with
/// details.local where nobody told us. The message is the cause alone: whoever asks says for whom.
class Resolver {
public:
    /// All addresses, never none.
    using Answer = core::Result<AddressesPtr>;
    using Done = std::function<void(const Answer&)>;

    /// Somebody who waits for an answer. Destroying it ends the wait, not the lookup.
    class Question {
    public:
        virtual ~Question() = default;
    };

    virtual ~Resolver() = default;
    /// What is remembered, null where the name must be asked for; costs no allocation. Valid until
    /// the next call.
    [[nodiscard]] virtual const Answer* known(std::string_view host) = 0;
    /// `done` is called once, maybe before this returns, unless the question is destroyed earlier.
    [[nodiscard]] virtual std::unique_ptr<Question> ask(std::string_view host, Done done) = 0;
};

}  // namespace herald::http
