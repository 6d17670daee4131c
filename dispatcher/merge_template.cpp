#include "dispatcher/merge_template.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/json.h"
#include "core/text_rules.h"
#include "core/time_text.h"

namespace herald::dispatcher {
namespace {

bool is_json_string(std::string_view source) {
    return source.starts_with('"');
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// So that it can be decoded again, and plain text stays as it is.
void append_percent(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == '%' || static_cast<unsigned char>(c) >= 0x80) {
            out.append(core::percent_encode(std::string_view(&c, 1)));
        } else {
            out.push_back(c);
        }
    }
}

bool is_dot_segment(std::string segment) {
    for (std::size_t at = 0; (at = segment.find("%2", at)) != std::string::npos; ++at) {
        if (at + 2 < segment.size() && (segment[at + 2] == 'e' || segment[at + 2] == 'E'))
            segment.replace(at, 3, ".");
    }
    return segment == "." || segment == "..";
}

// The JSON source text a part stands for; empty optional where the event has no such field.
std::optional<std::string> source_of(const MergePart& part, const storage::EventRecord& event) {
    const auto quoted = [](std::string_view text) { return '"' + core::escape_json(text) + '"'; };
    switch (part.root) {
        case MergeRoot::kNone:
            return std::nullopt;
        case MergeRoot::kConstant:
            return std::nullopt;
        case MergeRoot::kId:
            return quoted(event.id.text());
        case MergeRoot::kType:
            return quoted(event.type);
        case MergeRoot::kOccurredAt:
            return quoted(core::format_time(event.occurred_at));
        case MergeRoot::kData:
            if (const auto found = core::raw_at(event.data, part.path)) return std::string(*found);
            return std::nullopt;
    }
    return std::nullopt;
}

// What stands for a field that is not there, as JSON source text.
std::string fallback_of(const MergePart& part, MergeContext context,
                        std::vector<std::string>* warnings) {
    if (part.fallback) return *part.fallback;
    if (warnings != nullptr) warnings->push_back(part.name + ": missing");
    return context == MergeContext::kJson && !part.inside_json_string ? "null" : "\"\"";
}

core::Result<> check_json(std::string_view text, std::string_view masked, std::string_view field) {
    const auto valid = core::validate_json(masked);
    if (valid) return {};
    const std::size_t byte =
        static_cast<std::size_t>(valid.error().details.at("byte").to_number<std::int64_t>());
    return core::invalid_argument(field,
                                  "at character " + std::to_string(character_number(text, byte)) +
                                      ": not valid JSON with a value in place of each merge field");
}

core::Result<> check_url_template(const std::vector<MergePart>& parts, std::string_view field) {
    if (parts.size() == 1) return {};
    const std::string_view literal = parts.front().literal;
    const std::size_t scheme_end = literal.find("://");
    const bool path_began = scheme_end != std::string_view::npos &&
                            literal.find_first_of("/?", scheme_end + 3) != std::string_view::npos;
    if (path_began) return {};
    return core::invalid_argument(
        field, "at character " + std::to_string(character_number(literal, literal.size())) +
                   ": a merge field never decides scheme, host or port; write them out, "
                   "up to the / that begins the path");
}

}  // namespace

core::Result<MergeTemplate> MergeTemplate::compile(std::string_view text, MergeContext context,
                                                   std::string_view field) {
    auto parsed = parse_template(text, context, field);
    if (!parsed) return parsed.error();
    if (context == MergeContext::kJson) {
        if (auto valid = check_json(text, parsed->masked, field); !valid) return valid.error();
    }
    if (context == MergeContext::kUrl) {
        if (auto valid = check_url_template(parsed->parts, field); !valid) return valid.error();
    }
    MergeTemplate compiled;
    compiled.parts_ = std::move(parsed->parts);
    compiled.context_ = context;
    compiled.field_ = field;
    for (MergePart& part : compiled.parts_) {
        if (context == MergeContext::kQuery) part.literal = core::percent_encode(part.literal);
        compiled.literal_size_ += part.literal.size();
    }
    return compiled;
}

core::Result<std::string> MergeTemplate::render(const storage::EventRecord& event,
                                                std::vector<std::string>* warnings) const {
    constexpr std::size_t kUsualValue = 32;
    std::string out;
    out.reserve(literal_size_ + parts_.size() * kUsualValue);
    std::vector<std::size_t> ends;
    std::size_t literal_left = literal_size_;
    for (const MergePart& part : parts_) {
        out.append(part.literal);
        literal_left -= part.literal.size();
        if (part.root == MergeRoot::kNone) break;
        auto source = source_of(part, event);
        if (!source) source = fallback_of(part, context_, warnings);
        if (auto done = append_value(out, part, *source); !done) return done.error();
        if (out.size() + literal_left > kMaxRendered)
            return cannot_render(part, "makes the text longer than 1 MiB");
        if (context_ == MergeContext::kUrl) ends.push_back(out.size());
    }
    if (auto valid = check_segments(out, ends); !valid) return valid.error();
    return out;
}

std::string MergeTemplate::sample() const {
    std::string out;
    for (const MergePart& part : parts_) {
        out.append(part.literal);
        if (part.root != MergeRoot::kNone) out.push_back('x');
    }
    return out;
}

core::Error MergeTemplate::cannot_render(const MergePart& part, std::string_view why) const {
    core::Error error{
        .kind = core::ErrorKind::kPermanent, .code = "template_error", .message = field_};
    error.message.append(": the value of ").append(part.name).append(" ").append(why);
    error.details["path"] = part.name;
    error.details["field"] = field_;
    return error;
}

core::Result<> MergeTemplate::append_value(std::string& out, const MergePart& part,
                                           std::string_view source) const {
    if (context_ == MergeContext::kJson) {
        if (!part.inside_json_string) {
            out.append(source);
        } else if (is_json_string(source)) {
            out.append(source.substr(1, source.size() - 2));  // its escapes are right already
        } else {
            out.append(core::escape_json(source));
        }
        return {};
    }
    const std::string text =
        is_json_string(source) ? core::decode_json_string(source) : std::string(source);
    if (context_ == MergeContext::kText) {
        out.append(text);
    } else if (context_ == MergeContext::kForm) {
        out.append(core::form_encode(text));
    } else if (core::has_control_character(text)) {
        return cannot_render(part, "holds a control character, which may not stand there");
    } else if (context_ == MergeContext::kHeader && !is_ascii(text)) {
        return cannot_render(part,
                             "is not ASCII, which a header is sent in unless header_encoding "
                             "(--header-encoding) says utf-8 or percent");
    } else if (context_ == MergeContext::kHeader || context_ == MergeContext::kHeaderUtf8) {
        out.append(text);
    } else if (context_ == MergeContext::kHeaderPercent) {
        append_percent(out, text);
    } else {
        out.append(core::percent_encode(text));
    }
    return {};
}

// Values cannot add a slash, but `..` as a whole segment would make the receiver climb to another
// resource.
core::Result<> MergeTemplate::check_segments(std::string_view url,
                                             const std::vector<std::size_t>& ends) const {
    const std::size_t query = std::min(url.find('?'), url.size());
    for (std::size_t i = 0; i < ends.size() && ends[i] <= query; ++i) {
        const std::size_t begin = url.rfind('/', ends[i] - 1) + 1;
        const std::size_t end = std::min(url.find('/', ends[i]), query);
        if (is_dot_segment(std::string(url.substr(begin, end - begin)))) {
            return cannot_render(parts_[i], "makes a path segment . or ..");
        }
    }
    return {};
}

}  // namespace herald::dispatcher
