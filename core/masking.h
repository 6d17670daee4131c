#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/secret.h"

namespace herald::core {

/// Stands where a credential was.
inline constexpr std::string_view kMask = "********";

/// The credentials of an exchange with another server, and the one way to take them out of a text
/// that came back. Whatever a server said is masked by this before it is cut to length, kept,
/// logged or shown.
///
/// A credential is found in every common spelling: as it is; percent-encoded in either case, or as
/// a form with `+`; with HTML entities; with JSON or JavaScript escapes; in hex; in base64 and
/// base64url, padded or not, also as a part of a longer text that was encoded. Up to three of these
/// may lie over each other. Of one longer than 16 bytes a beginning of 16 is enough: servers cut as
/// well.
///
/// Built from every credential that the other side may know: those of the request, those of the
/// attempt's earlier requests, and the provider's last generations. A copy shares what it holds.
///
/// Cost: nothing for a text shorter than each credential (or 16 bytes); else one pass that skips,
/// and one more for each layer of escapes that could hide one. With a limit only as much is read as
/// is needed for it.
/// Thread-safety: const methods may be called concurrently.
class Masking final {
public:
    /// Fewer bytes are no secret: hiding them would tear other words apart and tell them by that.
    static constexpr std::size_t kShortest = 3;

    void add(std::string_view credential);
    void add(const Secret& credential) { add(credential.reveal()); }
    /// Whatever the other one hides.
    void add(const Masking& other);

    /// `text` with kMask for each credential, then cut to `limit` bytes.
    [[nodiscard]] std::string masked(std::string_view text,
                                     std::size_t limit = std::string_view::npos) const;
    /// The same, printable (core::printable), cut between characters: how a text of another server
    /// is kept and shown.
    [[nodiscard]] std::string shown(std::string_view text, std::size_t limit) const;
    [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }

private:
    class Group;
    struct Layer;
    using Layers = std::vector<std::unique_ptr<Layer>>;
    using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

    void unescape(std::string_view text, const Layer* outer, Layers& layers) const;
    [[nodiscard]] Ranges find_all(std::string_view text) const;
    /// As much of `text` as begins before `good`.
    [[nodiscard]] std::string with_masks(std::string_view text, std::size_t good) const;

    /// Immutable and shared with copies: what many texts are masked by is prepared once. Each
    /// answered callout makes a copy, of its notification's and its token's.
    boost::container::small_vector<std::shared_ptr<const Group>, 3> groups_;
};

}  // namespace herald::core
