#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "http/resolver.h"

namespace herald::http {

/// Answers that are remembered for a while; so many at most, then the one that ends first goes.
class NameCache final {
public:
    explicit NameCache(std::size_t most) : most_(most) {}

    /// Null where nothing is known any more.
    [[nodiscard]] const Resolver::Answer* find(std::string_view host, core::SteadyTime now) const;
    void keep(const std::string& host, Resolver::Answer answer, core::SteadyTime until,
              core::SteadyTime now);
    [[nodiscard]] std::size_t size() const { return kept_.size(); }

private:
    struct Kept {
        Resolver::Answer answer;
        core::SteadyTime until;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    void make_room(core::SteadyTime now);

    const std::size_t most_;
    std::unordered_map<std::string, Kept, Hash, std::equal_to<>> kept_;
};

}  // namespace herald::http
