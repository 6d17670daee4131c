#include <algorithm>
#include <optional>

#include "core/encoding.h"
#include "http/field_text.h"
#include "http/retry_after.h"

namespace herald::http {
namespace {

constexpr std::size_t kMostChallenges = 64;

// Walks one field value from front to back and never returns to a byte, so the time is linear.
class ChallengeReader {
public:
    ChallengeReader(std::string_view text, std::vector<Challenge>& found)
        : rest_(text), found_(found) {}

    void read() {
        for (skip_separators(); !rest_.empty(); skip_separators()) {
            const auto word = take_token();
            if (word.empty()) {
                skip_element();
                continue;
            }
            if (take_equals()) {
                read_value(word);
                continue;
            }
            if (found_.size() == kMostChallenges) return;
            found_.push_back(Challenge{.scheme = core::to_lower(word), .parameters = {}});
            started_ = true;
            read_first_parameter();
        }
    }

private:
    // What follows a scheme: a parameter, or a token68 (`Negotiate abc==`), which nobody here
    // needs.
    void read_first_parameter() {
        skip_white();
        if (rest_.empty() || rest_.front() == ',') return;
        const auto word = take_token();
        if (!word.empty() && take_equals()) {
            read_value(word);
        } else {
            skip_element();
        }
    }

    void read_value(std::string_view name) {
        const bool is_quoted = rest_.starts_with('"');
        auto value = is_quoted ? take_quoted() : take_plain();
        skip_white();
        const bool ends_here = rest_.empty() || rest_.front() == ',';
        if (value && ends_here && started_) {
            found_.back().parameters.emplace_back(core::to_lower(name), std::move(*value));
        }
        if (!ends_here) skip_element();
    }

    std::optional<std::string> take_plain() {
        const auto token = take_token();
        if (token.empty()) return std::nullopt;
        return std::string(token);
    }

    std::string_view take_token() {
        std::size_t length = 0;
        while (length < rest_.size() && is_token_char(rest_[length])) ++length;
        const auto token = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return token;
    }

    bool take_equals() {
        const auto white = std::min(rest_.find_first_not_of(" \t"), rest_.size());
        if (white == rest_.size() || rest_[white] != '=') return false;
        rest_.remove_prefix(white + 1);
        skip_white();
        return true;
    }

    /// Empty optional where the quote is never closed. REQUIRES: a quote is next.
    std::optional<std::string> take_quoted() {
        std::string value;
        std::size_t at = 1;
        for (; at < rest_.size() && rest_[at] != '"'; ++at) {
            if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
            value.push_back(rest_[at]);
        }
        const bool is_closed = at < rest_.size();
        rest_.remove_prefix(std::min(at + 1, rest_.size()));
        if (!is_closed) return std::nullopt;
        return value;
    }

    // To the next comma outside quotes.
    void skip_element() {
        while (!rest_.empty() && rest_.front() != ',') {
            if (rest_.front() == '"') {
                static_cast<void>(take_quoted());
            } else {
                rest_.remove_prefix(1);
            }
        }
    }

    void skip_white() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }
    void skip_separators() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t,"), rest_.size()));
    }

    std::string_view rest_;
    std::vector<Challenge>& found_;
    bool started_ = false;  // a parameter before any scheme of this line belongs to nobody
};

}  // namespace

std::optional<std::string_view> Challenge::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
        if (core::equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

std::vector<Challenge> parse_challenges(const Headers& headers) {
    std::vector<Challenge> found;
    for (const auto& [name, value] : headers) {
        if (core::equals_ignoring_case(name, "www-authenticate"))
            ChallengeReader(value, found).read();
    }
    return found;
}

}  // namespace herald::http
