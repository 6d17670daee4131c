#include "core/masking.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>

#include "core/encoding.h"
#include "core/spelling.h"

namespace herald::core {
namespace {

/// So many first bytes of a longer credential count as all of it.
constexpr std::size_t kHead = 16;
/// Fewer digits of base64 or hex are found in any text.
constexpr std::size_t kShortestCoded = 6;
/// How many escapes may lie over each other: an entity of a percent-encoded URL in a JSON string.
constexpr std::size_t kLayers = 3;
constexpr std::size_t kMostInGroup = 16;
constexpr std::size_t kFewestSlots = 1024;
constexpr std::size_t kMostSlots = 8192;

using Alphabet = std::bitset<256>;

// What is alike in some encoding counts as the same character: a space and the `+` of a form, the
// last two digits of base64 and of base64url.
constexpr std::array<char, 256> kFolded = [] {
    std::array<char, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<char>(i);
    table[' '] = table['-'] = '+';
    table['_'] = '/';
    return table;
}();

char fold(char c) {
    return kFolded[static_cast<unsigned char>(c)];
}

// A space parts words, though a form may have made it of a `+`.
bool is_base64_digit(char c) {
    if (c == ' ') return false;
    const char folded = fold(c);
    return (folded >= 'A' && folded <= 'Z') || (folded >= 'a' && folded <= 'z') ||
           (folded >= '0' && folded <= '9') || folded == '+' || folded == '/';
}

std::size_t common_length(std::string_view a, std::string_view b) {
    const std::size_t most = std::min(a.size(), b.size());
    std::size_t length = 0;
    while (length < most && fold(a[length]) == fold(b[length])) ++length;
    return length;
}

enum class Code { kPlain, kHex, kUpperHex, kBase64 };

/// How a credential may stand in a text; of base64, how many bytes (modulo 3) were encoded before
/// it.
struct Spelling {
    Code code = Code::kPlain;
    std::size_t before = 0;
};
constexpr std::array<Spelling, 6> kSpellings{{{Code::kPlain},
                                              {Code::kHex},
                                              {Code::kUpperHex},
                                              {Code::kBase64, 0},
                                              {Code::kBase64, 1},
                                              {Code::kBase64, 2}}};

Secret in_hex(std::string_view credential, bool upper) {
    std::string digits = hex_encode(credential);
    if (upper) {
        for (char& digit : digits)
            digit = digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
    }
    return Secret::take(std::move(digits));
}

// Only the digits that no neighbour has a part in.
Secret in_base64(std::string_view credential, std::size_t before) {
    std::string bytes(before, '\0');
    bytes.append(credential);
    std::string digits = base64_encode(bytes);
    const std::size_t first = (8 * before + 5) / 6;
    const std::size_t end = 8 * bytes.size() / 6;
    Secret own(std::string_view(digits).substr(first, end - first));
    wipe(bytes);
    wipe(digits);
    return own;
}

Secret spell(std::string_view credential, const Spelling& spelling) {
    switch (spelling.code) {
        case Code::kPlain:
            return Secret(credential);
        case Code::kHex:
            return in_hex(credential, false);
        case Code::kUpperHex:
            return in_hex(credential, true);
        case Code::kBase64:
            return in_base64(credential, spelling.before);
    }
    return {};
}

// Adds the characters of a spelling, and what they turn into in others.
void note_characters(std::string_view text, bool is_base64, Alphabet& alphabet) {
    if (is_base64) alphabet.set('=');
    for (const char c : text) {
        alphabet.set(static_cast<unsigned char>(c));
        if (c == ' ') alphabet.set('+');
        if (is_base64 && c == '+') alphabet.set('-');
        if (is_base64 && c == '/') alphabet.set('_');
    }
}

// A digit of base64 at either side may have bits of the credential and of its neighbour.
void widen(std::string_view text, std::size_t& begin, std::size_t& end) {
    if (begin > 0 && is_base64_digit(text[begin - 1])) --begin;
    if (end < text.size() && is_base64_digit(text[end])) ++end;
    while (end < text.size() && text[end] == '=') ++end;
}

}  // namespace

/// Credentials that are looked for together (Wu and Manber): by how much the search may go on where
/// a pair of characters stands in no beginning of any of their spellings.
class Masking::Group final {
public:
    /// The credentials of `before`, which may be null, and one more.
    Group(const Group* before, std::string_view credential) {
        if (before != nullptr) {
            for (const Secret& one : before->credentials_) add(one.reveal());
        }
        add(credential);
        prepare_shifts();
    }

    [[nodiscard]] bool has(std::string_view credential) const {
        return std::any_of(credentials_.begin(), credentials_.end(),
                           [&](const Secret& one) { return one.reveal() == credential; });
    }
    [[nodiscard]] bool is_full() const { return credentials_.size() >= kMostInGroup; }
    [[nodiscard]] std::size_t shortest() const { return shortest_; }
    [[nodiscard]] std::size_t longest() const { return longest_; }
    [[nodiscard]] const Alphabet& alphabet() const { return alphabet_; }

    /// Calls `found` with begin and end of each place.
    template <class Found>
    void find(std::string_view text, const Found& found) const {
        for (std::size_t last = shortest_ - 1; last < text.size();) {
            const std::size_t shift = shifts_[slot_of(text[last - 1], text[last])];
            if (shift > 0) {
                last += shift;
                continue;
            }
            const std::size_t end = match(text, last - (shortest_ - 1), found);
            last = std::max(last + 1, end + shortest_ - 1);
        }
    }

private:
    struct Head {
        Secret text;
        std::size_t credential = 0;
        Spelling spelling;
    };

    void add(std::string_view credential) {
        longest_ = std::max(longest_, credential.size());
        credentials_.emplace_back(credential);
        for (const Spelling& spelling : kSpellings) {
            const Secret text = spell(credential, spelling);
            const bool is_coded = spelling.code != Code::kPlain;
            if (is_coded && text.reveal().size() < kShortestCoded) continue;
            note_characters(text.reveal(), spelling.code == Code::kBase64, alphabet_);
            heads_.push_back({.text = Secret(text.reveal().substr(0, kHead)),
                              .credential = credentials_.size() - 1,
                              .spelling = spelling});
            shortest_ = std::min(shortest_, heads_.back().text.reveal().size());
        }
    }

    [[nodiscard]] std::size_t slot_of(char a, char b) const {
        const unsigned high = static_cast<unsigned char>(fold(a));
        const unsigned low = static_cast<unsigned char>(fold(b));
        return (high * 67U + low) & (shifts_.size() - 1);
    }

    void prepare_shifts() {
        const std::size_t pairs = heads_.size() * shortest_;
        const std::size_t slots = std::clamp(std::bit_ceil(8 * pairs), kFewestSlots, kMostSlots);
        shifts_.assign(slots, static_cast<std::uint8_t>(shortest_ - 1));
        for (const Head& head : heads_) {
            const std::string_view text = head.text.reveal();
            for (std::size_t last = 1; last < shortest_; ++last) {
                std::uint8_t& shift = shifts_[slot_of(text[last - 1], text[last])];
                shift = std::min(shift, static_cast<std::uint8_t>(shortest_ - 1 - last));
            }
        }
    }

    // Where a spelling that begins there ends; 0 where none does.
    template <class Found>
    std::size_t match(std::string_view text, std::size_t begin, const Found& found) const {
        std::size_t farthest = 0;
        const std::string_view rest = text.substr(begin);
        for (const Head& head : heads_) {
            const std::string_view wanted = head.text.reveal();
            if (common_length(rest, wanted) < wanted.size()) continue;
            const Secret whole = spell(credentials_[head.credential].reveal(), head.spelling);
            std::size_t first = begin;
            std::size_t end = begin + common_length(rest, whole.reveal());
            if (head.spelling.code == Code::kBase64) widen(text, first, end);
            found(first, end);
            farthest = std::max(farthest, end);
        }
        return farthest;
    }

    std::vector<Secret> credentials_;
    std::vector<Head> heads_;
    std::size_t shortest_ = kHead;
    std::size_t longest_ = 0;
    Alphabet alphabet_;
    std::vector<std::uint8_t> shifts_;
};

void Masking::add(std::string_view credential) {
    if (credential.size() < kShortest) return;
    const bool known = std::any_of(groups_.begin(), groups_.end(),
                                   [&](const auto& group) { return group->has(credential); });
    if (known) return;
    if (groups_.empty() || groups_.back()->is_full()) groups_.push_back(nullptr);
    groups_.back() = std::make_shared<const Group>(groups_.back().get(), credential);
}

void Masking::add(const Masking& other) {
    for (const auto& group : other.groups_) {
        if (std::find(groups_.begin(), groups_.end(), group) == groups_.end())
            groups_.push_back(group);
    }
}

/// A text without some of its escapes, and the one it was made of; null: of the source itself.
struct Masking::Layer {
    Unescaped unescaped;
    const Layer* outer = nullptr;

    [[nodiscard]] std::pair<std::size_t, std::size_t> source_of(std::size_t begin,
                                                                std::size_t end) const {
        const std::size_t from = unescaped.begin_of(begin);
        const std::size_t to = unescaped.end_of(end - 1);
        return outer == nullptr ? std::pair(from, to) : outer->source_of(from, to);
    }
};

void Masking::unescape(std::string_view text, const Layer* outer, Layers& layers) const {
    Alphabet wanted;
    for (const char c : std::string_view("%&\\")) wanted.set(static_cast<unsigned char>(c));
    for (const auto& group : groups_) wanted |= group->alphabet();
    for (const EscapeKind kind :
         {EscapeKind::kPercent, EscapeKind::kEntity, EscapeKind::kBackslash}) {
        auto inner = Unescaped::of(text, kind, wanted);
        const bool is_new =
            inner && std::none_of(layers.begin(), layers.end(), [&](const auto& it) {
                return it->unescaped.text() == inner->text();
            });
        if (is_new) layers.push_back(std::make_unique<Layer>(Layer{std::move(*inner), outer}));
    }
}

Masking::Ranges Masking::find_all(std::string_view text) const {
    Ranges ranges;
    for (const auto& group : groups_) {
        group->find(text,
                    [&](std::size_t begin, std::size_t end) { ranges.emplace_back(begin, end); });
    }
    Layers layers;
    unescape(text, nullptr, layers);
    for (std::size_t first = 0, depth = 1; depth < kLayers; ++depth) {
        for (const std::size_t end = layers.size(); first < end; ++first) {
            const Layer* outer = layers[first].get();
            unescape(outer->unescaped.text(), outer, layers);
        }
    }
    for (const auto& layer : layers) {
        for (const auto& group : groups_) {
            group->find(layer->unescaped.text(), [&](std::size_t begin, std::size_t end) {
                ranges.push_back(layer->source_of(begin, end));
            });
        }
    }
    std::sort(ranges.begin(), ranges.end());
    return ranges;
}

std::string Masking::masked(std::string_view text, std::size_t limit) const {
    std::size_t shortest = std::string_view::npos;
    std::size_t longest = 0;
    for (const auto& group : groups_) {
        shortest = std::min(shortest, group->shortest());
        longest = std::max(longest, group->longest());
    }
    if (text.size() < shortest) return std::string(text.substr(0, limit));
    // What begins so near to the end of what was read may be half a credential.
    const std::size_t margin = longest * kLongestEscape;
    for (std::size_t good = std::min(text.size(), limit);; good *= 2) {
        if (good + margin >= text.size()) good = text.size();
        const std::string_view seen = text.substr(0, good + margin);
        std::string out = with_masks(seen, good);
        const bool enough = good == text.size() || out.size() >= limit;
        if (!enough) continue;
        if (out.size() > limit) out.resize(limit);
        return out;
    }
}

std::string Masking::shown(std::string_view text, std::size_t limit) const {
    constexpr std::size_t kRestOfCharacter = 3;
    return printable(masked(text, limit + kRestOfCharacter), limit);
}

std::string Masking::with_masks(std::string_view text, std::size_t good) const {
    std::string out;
    std::size_t at = 0;
    for (const auto& [begin, end] : find_all(text)) {
        if (begin >= good) break;
        if (end <= at) continue;
        const bool goes_on = at > 0 && begin <= at;
        if (!goes_on) out.append(text.substr(at, begin - at)).append(kMask);
        at = end;
    }
    if (at < good) out.append(text.substr(at, good - at));
    return out;
}

}  // namespace herald::core
