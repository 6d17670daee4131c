#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace herald::dispatcher {

/// The place a merge field stands in, which decides how it is escaped.
enum class MergeContext {
    kJson,   ///< a JSON document: string or value position, told apart field by field
    kForm,   ///< application/x-www-form-urlencoded
    kText,   ///< any other body: as it is
    kUrl,    ///< path or query of a URL: percent-encoded; scheme, host and port refuse merge fields
    kQuery,  ///< the value of one query parameter: percent-encoded as a whole, the literal text too
    kHeader,         ///< a header value in ASCII: anything else is an error
    kHeaderUtf8,     ///< a header value in UTF-8: control characters are an error
    kHeaderPercent,  ///< a header value, what is not ASCII percent-encoded, and the percent sign
};

/// What a merge field names.
enum class MergeRoot {
    kNone,  ///< no field: the end of the template
    kId,
    kType,
    kOccurredAt,
    kData,
    kConstant,  ///< `{{ "{{" }}`: the text in quotes itself
};

/// A stretch of literal text and the field behind it.
struct MergePart {
    std::string literal;
    MergeRoot root = MergeRoot::kNone;
    std::vector<std::string> path;  ///< below `data`
    std::string name;  ///< as it is written, for errors and warnings: `data.account.id`
    std::optional<std::string> fallback;  ///< JSON source text of the default, or of the constant
    bool inside_json_string = false;
};

struct ParsedTemplate {
    std::vector<MergePart> parts;  ///< the last one has no field
    /// The template with every field overwritten by a JSON value of the same length, so positions
    /// stay true.
    std::string masked;
};

/// Errors: invalid_argument on `field`, saying at which character what was expected.
[[nodiscard]] core::Result<ParsedTemplate> parse_template(std::string_view text,
                                                          MergeContext context,
                                                          std::string_view field);

/// Counted from 1, in characters of UTF-8.
[[nodiscard]] std::size_t character_number(std::string_view text, std::size_t byte);

}  // namespace herald::dispatcher
