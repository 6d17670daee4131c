#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dispatcher/merge_parser.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// What rendering may produce at most.
inline constexpr std::size_t kMaxRendered = 1024 * 1024;

/// Text with merge fields such as `{{ data.account.id }}`, optionally with a default:
/// `{{ data.name | "unknown" }}`.
///
/// Names: `id`, `type`, `occurred_at`, and `data` with a path of member names and array indices; a
/// member name with a dot or a space in it stands in quotes: `data."hub.challenge"`.
/// Numbers keep the digits of their source. A missing field without a default is null as a JSON
/// value and empty elsewhere, and is added to the warnings; a field that is null is there.
/// `{{ "text" }}` stands for the text, so `{{ "{{" }}` writes two braces. Logic-less: nothing else
/// is understood. Immutable after compile, shareable.
class MergeTemplate final {
public:
    /// Refuses a JSON template that is not JSON whatever its fields hold, and a URL template with a
    /// field before the path.
    /// Errors: invalid_argument on `field`, saying at which character what was expected.
    [[nodiscard]] static core::Result<MergeTemplate> compile(std::string_view text,
                                                             MergeContext context,
                                                             std::string_view field);

    /// Errors: kPermanent `template_error` with details {path}; the message never holds the value.
    /// Output above kMaxRendered is such an error. `warnings` may be null.
    /// REQUIRES: event.data is valid JSON.
    [[nodiscard]] core::Result<std::string> render(const storage::EventRecord& event,
                                                   std::vector<std::string>* warnings) const;
    [[nodiscard]] bool has_fields() const { return parts_.size() > 1; }
    /// The literal text with `x` for every field: what can be checked before there is an event.
    [[nodiscard]] std::string sample() const;

private:
    [[nodiscard]] core::Error cannot_render(const MergePart& part, std::string_view why) const;
    [[nodiscard]] core::Result<> append_value(std::string& out, const MergePart& part,
                                              std::string_view source) const;
    [[nodiscard]] core::Result<> check_segments(std::string_view url,
                                                const std::vector<std::size_t>& ends) const;

    std::vector<MergePart> parts_;
    MergeContext context_ = MergeContext::kText;
    std::string field_;
    std::size_t literal_size_ = 0;
};

}  // namespace herald::dispatcher
