#include "cli/output.h"

#include <boost/json/serialize.hpp>

#include "cli/visible_text.h"
#include "core/encoding.h"
#include "core/visible_json.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

// Long enough for any message of ours; what a remote party adds is cut before.
constexpr std::size_t kMaxMessage = 2000;

/// serialize() passes invalid UTF-8 through; a message from a system call may hold some.
std::string valid_text(std::string_view text) {
    return core::is_valid_utf8(text) ? std::string(text) : core::printable(text, kMaxMessage);
}

}  // namespace

void Output::document(std::string_view json) {
    out_ << core::visible_json(core::trim(json)) << '\n';
}

void Output::line(std::string_view text) {
    out_ << text << '\n';
}

void Output::progress(std::string_view text) {
    if (style_.json) {
        const json::object inner{{"message", valid_text(text)}};
        err_ << core::visible_json(json::serialize(json::object{{"progress", inner}})) << '\n';
    } else {
        out_ << visible_text(text, kMaxMessage) << '\n' << std::flush;
    }
}

void Output::table(const Table& table) {
    out_ << table.render(style_.colour);
}

void Output::fields(const std::vector<std::pair<std::string, std::string>>& fields) {
    out_ << render_fields(fields, style_.colour);
}

void Output::error(const core::Error& error) {
    if (!style_.json) {
        err_ << "herald: " << visible_text(error.message, kMaxMessage) << '\n';
        return;
    }
    json::object inner;
    inner["code"] = error.code;
    inner["message"] = valid_text(error.message);
    inner["details"] = error.details;
    json::object outer;
    outer["error"] = std::move(inner);
    err_ << core::visible_json(json::serialize(outer)) << '\n';
}

void Output::warning(std::string_view text) {
    if (!style_.json) {
        err_ << "herald: warning: " << visible_text(text, kMaxMessage) << '\n';
        return;
    }
    json::object inner;
    inner["message"] = valid_text(text);
    json::object outer;
    outer["warning"] = std::move(inner);
    err_ << core::visible_json(json::serialize(outer)) << '\n';
}

}  // namespace herald::cli
