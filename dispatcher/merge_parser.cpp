#include "dispatcher/merge_parser.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/json.h"

namespace herald::dispatcher {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kNameEnd = " \t\r\n|{}\"";
constexpr std::string_view kSegmentEnd = " \t\r\n|{}\".";
constexpr std::string_view kKnownFields =
    "id, type, occurred_at and data with a path such as data.account.id";

MergeRoot root_named(std::string_view name) {
    if (name == "id") return MergeRoot::kId;
    if (name == "type") return MergeRoot::kType;
    if (name == "occurred_at") return MergeRoot::kOccurredAt;
    if (name == "data") return MergeRoot::kData;
    return MergeRoot::kNone;
}

class Parser {
public:
    Parser(std::string_view text, MergeContext context, std::string_view field)
        : text_(text), context_(context), field_(field) {
        parsed_.masked.reserve(text.size());
    }

    core::Result<ParsedTemplate> run() {
        while (at_ < text_.size()) {
            if (!rest().starts_with(kOpen)) {
                literal();
            } else if (auto done = merge_field(); !done) {
                return done.error();
            }
        }
        parsed_.parts.push_back(std::move(part_));
        return std::move(parsed_);
    }

private:
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }

    [[nodiscard]] core::Error error_at(std::size_t byte, std::string_view what) const {
        std::string rule = "at character " + std::to_string(character_number(text_, byte)) + ": ";
        return core::invalid_argument(field_, rule.append(what));
    }

    // Takes one character, or an escape of a JSON string as a whole: its quote ends nothing.
    void literal() {
        const bool escape = inside_string_ && peek() == '\\' && at_ + 1 < text_.size();
        if (context_ == MergeContext::kJson && peek() == '"') inside_string_ = !inside_string_;
        const std::string_view taken = text_.substr(at_, escape ? 2 : 1);
        part_.literal.append(taken);
        parsed_.masked.append(taken);
        at_ += taken.size();
    }

    core::Result<> merge_field() {
        const std::size_t start = at_;
        if (text_.find(kClose, start) == std::string_view::npos) {
            return error_at(start, "the {{ is not closed by }}");
        }
        at_ += kOpen.size();
        skip_space();
        auto body = peek() == '"' ? constant() : named();
        if (!body) return body.error();
        skip_space();
        if (!rest().starts_with(kClose))
            return error_at(at_, "expected }} to close the merge field");
        at_ += kClose.size();
        finish(at_ - start);
        return {};
    }

    core::Result<> constant() {
        auto text = json_literal();
        if (!text) return text.error();
        part_.root = MergeRoot::kConstant;
        part_.name = *text;
        part_.fallback = std::move(*text);
        return {};
    }

    core::Result<> named() {
        auto name = field_name();
        if (!name) return name.error();
        skip_space();
        if (peek() != '|') return {};
        ++at_;
        skip_space();
        auto fallback = json_literal();
        if (!fallback) return fallback.error();
        part_.fallback = std::move(*fallback);
        return {};
    }

    core::Result<> field_name() {
        const std::size_t start = at_;
        const std::string_view root = bare_segment();
        part_.root = root_named(root);
        while (peek() == '.') {
            ++at_;
            auto segment = path_segment(start);
            if (!segment) return segment.error();
            part_.path.push_back(std::move(*segment));
        }
        part_.name = text_.substr(start, at_ - start);
        const bool may_have_path = part_.root == MergeRoot::kData;
        if (part_.root == MergeRoot::kNone || (!may_have_path && !part_.path.empty())) {
            return error_at(start, "no field '" + core::printable(part_.name, 64) +
                                       "'; there are " + std::string(kKnownFields));
        }
        return {};
    }

    std::string_view bare_segment() {
        const std::size_t start = at_;
        at_ = std::min(text_.find_first_of(kSegmentEnd, at_), text_.size());
        return text_.substr(start, at_ - start);
    }

    // A name or index as it is, or any name in quotes: `"hub.challenge"`.
    core::Result<std::string> path_segment(std::size_t start) {
        if (peek() == '"') {
            auto quoted = json_literal();
            if (!quoted) return quoted.error();
            return core::decode_json_string(*quoted);
        }
        const std::string_view segment = bare_segment();
        if (segment.empty())
            return error_at(start,
                            "a path has a name or index between its dots; one with a dot "
                            "or a space in it stands in quotes: data.\"hub.challenge\"");
        return std::string(segment);
    }

    // A JSON string or number, as source text.
    core::Result<std::string> json_literal() {
        const std::size_t start = at_;
        if (peek() == '"') {
            skip_string();
        } else {
            at_ = std::min(text_.find_first_of(kNameEnd, at_), text_.size());
        }
        const std::string_view found = text_.substr(start, at_ - start);
        const bool right_kind =
            !found.empty() && std::string_view("\"-0123456789").find(found[0]) != found.npos;
        if (!right_kind || !core::validate_json(found)) {
            return error_at(start, "expected a JSON string in quotes, or a number");
        }
        return std::string(found);
    }

    void skip_string() {
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        at_ = std::min(at_ + 1, text_.size());
    }

    void finish(std::size_t length) {
        part_.inside_json_string = inside_string_;
        // x is no hexadecimal digit: a field can never complete a \u escape of the literal text.
        std::string mask = inside_string_ ? std::string(length, 'x') : "null";
        mask.resize(length, ' ');
        parsed_.masked.append(mask);
        parsed_.parts.push_back(std::move(part_));
        part_ = MergePart{};
    }

    // constant after construction
    std::string_view text_;
    MergeContext context_;
    std::string_view field_;
    // the state of the walk
    std::size_t at_ = 0;
    bool inside_string_ = false;
    MergePart part_;
    ParsedTemplate parsed_;
};

}  // namespace

std::size_t character_number(std::string_view text, std::size_t byte) {
    const std::string_view before = text.substr(0, byte);
    const auto starts = std::count_if(before.begin(), before.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    return static_cast<std::size_t>(starts) + 1;
}

core::Result<ParsedTemplate> parse_template(std::string_view text, MergeContext context,
                                            std::string_view field) {
    return Parser(text, context, field).run();
}

}  // namespace herald::dispatcher
