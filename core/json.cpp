#include "core/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <set>

#include "core/encoding.h"

namespace herald::core {
namespace {

namespace json = boost::json;

// Accepts everything: only the parser's own verdict on the syntax is wanted.
struct SyntaxOnly {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    using Ec = json::error_code;
    using Text = json::string_view;
    bool on_document_begin(Ec&) { return true; }
    bool on_document_end(Ec&) { return true; }
    bool on_object_begin(Ec&) { return true; }
    bool on_object_end(std::size_t, Ec&) { return true; }
    bool on_array_begin(Ec&) { return true; }
    bool on_array_end(std::size_t, Ec&) { return true; }
    bool on_key_part(Text, std::size_t, Ec&) { return true; }
    bool on_key(Text, std::size_t, Ec&) { return true; }
    bool on_string_part(Text, std::size_t, Ec&) { return true; }
    bool on_string(Text, std::size_t, Ec&) { return true; }
    bool on_number_part(Text, Ec&) { return true; }
    bool on_int64(std::int64_t, Text, Ec&) { return true; }
    bool on_uint64(std::uint64_t, Text, Ec&) { return true; }
    bool on_double(double, Text, Ec&) { return true; }
    bool on_bool(bool, Ec&) { return true; }
    bool on_null(Ec&) { return true; }
    bool on_comment_part(Text, Ec&) { return true; }
    bool on_comment(Text, Ec&) { return true; }
};

Error malformed(std::string_view why, std::size_t at) {
    return {.kind = ErrorKind::kInvalidArgument,
            .code = "malformed_request",
            .message = "JSON refused at byte " + std::to_string(at) + ": " + std::string(why),
            .details = {{"byte", at}}};
}

// Walks text already known to be valid JSON, so it never has to handle a syntax error.
class Cursor {
    static constexpr std::string_view kSpace = " \t\r\n";
    static constexpr std::string_view kScalarEnd = ",]} \t\r\n";

public:
    explicit Cursor(std::string_view text) : text_(text) { skip_space(); }

    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void take() {
        ++at_;
        skip_space();
    }

    // The source text of the value under the cursor; moves behind it.
    std::string_view value() {
        const std::size_t start = at_;
        if (peek() == '"') {
            skip_string();
        } else if (peek() == '{' || peek() == '[') {
            skip_nested();
        } else {
            at_ = std::min(text_.find_first_of(kScalarEnd, at_), text_.size());
        }
        const std::string_view found = text_.substr(start, at_ - start);
        skip_space();
        return found;
    }

private:
    void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
    void skip_string() {
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        ++at_;
    }
    void skip_nested() {
        int depth = 0;
        do {
            const char c = text_[at_];
            if (c == '"') {
                skip_string();
                continue;
            }
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
            ++at_;
        } while (depth > 0 && at_ < text_.size());
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::optional<std::string_view> element_at(std::string_view array, std::string_view index) {
    if (index.size() > 1 && index.starts_with('0')) return std::nullopt;
    std::size_t wanted = 0;
    const auto [end, ec] = std::from_chars(index.data(), index.data() + index.size(), wanted);
    if (ec != std::errc() || end != index.data() + index.size()) return std::nullopt;
    Cursor cursor(array);
    cursor.take();
    for (std::size_t i = 0; cursor.peek() != ']'; ++i) {
        const std::string_view value = cursor.value();
        if (i == wanted) return value;
        if (cursor.peek() == ',') cursor.take();
    }
    return std::nullopt;
}

std::optional<std::string_view> member_at(std::string_view object, std::string_view key) {
    std::optional<std::string_view> found;
    const auto members = raw_members(object);
    if (!members) return std::nullopt;
    for (const RawMember& member : *members) {
        if (member.key == key) found = member.value;
    }
    return found;
}

}  // namespace

Result<> validate_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = kMaxJsonDepth;
    json::basic_parser<SyntaxOnly> parser(options);
    json::error_code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (ec) return malformed(ec.message(), used);
    if (used != text.size()) return malformed("bytes after the value", used);
    return {};
}

Result<json::object> parse_object(std::string_view text) {
    if (auto valid = validate_json(text); !valid) return valid.error();
    const auto members = raw_members(text);
    if (!members) return malformed("an object is expected", 0);
    std::set<std::string_view> seen;
    for (const RawMember& member : *members) {
        if (!seen.insert(member.key).second) {
            return malformed("the member '" + printable(member.key, 64) + "' stands twice",
                             static_cast<std::size_t>(member.value.data() - text.data()));
        }
    }
    json::error_code ec;
    json::value value = json::parse(text, ec, {}, {.max_depth = kMaxJsonDepth});
    if (ec) return malformed(ec.message(), 0);
    return std::move(value.as_object());
}

std::optional<std::vector<RawMember>> raw_members(std::string_view text) {
    Cursor cursor(text);
    if (cursor.peek() != '{') return std::nullopt;
    cursor.take();
    std::vector<RawMember> members;
    while (cursor.peek() == '"') {
        std::string key = decode_json_string(cursor.value());
        cursor.take();  // ':'
        members.push_back({.key = std::move(key), .value = cursor.value()});
        if (cursor.peek() == ',') cursor.take();
    }
    return members;
}

std::optional<std::string_view> raw_at(std::string_view text,
                                       const std::vector<std::string>& path) {
    std::optional<std::string_view> value = Cursor(text).value();
    for (const std::string& segment : path) {
        value = value->starts_with('[') ? element_at(*value, segment) : member_at(*value, segment);
        if (!value) return std::nullopt;
    }
    return value;
}

std::string decode_json_string(std::string_view text) {
    const bool has_escapes = text.find('\\') != std::string_view::npos;
    if (!has_escapes) return std::string(text.substr(1, text.size() - 2));
    json::error_code ec;
    const json::value value = json::parse(text, ec);
    return ec || !value.is_string() ? std::string() : std::string(value.as_string());
}

std::string escape_json(std::string_view text) {
    const std::string quoted = json::serialize(json::string_view(text));
    return quoted.substr(1, quoted.size() - 2);
}

Result<std::vector<std::string>> parse_json_pointer(std::string_view pointer) {
    std::vector<std::string> path;
    if (pointer.empty()) return path;
    if (!pointer.starts_with('/')) {
        return invalid_argument("pointer", "a JSON Pointer (RFC 6901) is empty or starts with /");
    }
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        if (pointer[i] == '/') {
            path.emplace_back();
        } else if (pointer[i] != '~') {
            path.back().push_back(pointer[i]);
        } else if (i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
            path.back().push_back(pointer[++i] == '0' ? '~' : '/');
        } else {
            return invalid_argument(
                "pointer", "in a JSON Pointer (RFC 6901) ~ is written ~0 and / is written ~1");
        }
    }
    return path;
}

std::optional<std::string> string_member(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->as_string());
}

}  // namespace herald::core
