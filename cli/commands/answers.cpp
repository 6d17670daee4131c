#include "cli/commands/answers.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "cli/exit_code.h"
#include "core/encoding.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

bool is_scalar(const json::value& value) {
    return !value.is_object() && !value.is_array();
}

std::string joined(const json::array& values) {
    std::string out;
    for (const auto& value : values) out.append(out.empty() ? "" : ", ").append(text_of(value));
    return out;
}

/// Without an exponent: people read this.
std::string plain(double number) {
    std::array<char, 400> buffer{};
    const auto end =
        std::to_chars(buffer.begin(), buffer.end(), number, std::chars_format::fixed).ptr;
    return {buffer.begin(), end};
}

const json::value* find(const json::value& value, std::string_view path) {
    const json::value* at = &value;
    while (!path.empty()) {
        const auto dot = std::min(path.find('.'), path.size());
        const auto* const object = at->if_object();
        at = object != nullptr ? object->if_contains(path.substr(0, dot)) : nullptr;
        if (at == nullptr) return nullptr;
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return at;
}

}  // namespace

core::Result<json::value> parse_answer(std::string_view body) {
    json::parse_options options;
    options.max_depth = 64;
    boost::system::error_code failure;
    auto value = json::parse(body, failure, {}, options);
    if (!failure) return value;
    core::Error error{.kind = core::ErrorKind::kPermanent, .code = "internal_error", .message = {}};
    error.message = "read the answer: it is no JSON (" + failure.message() + ")";
    return error;
}

std::string text_of(const json::value& value) {
    if (value.is_null()) return {};
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_bool()) return value.get_bool() ? "yes" : "no";
    if (value.is_double()) return plain(value.get_double());
    if (value.is_array() &&
        std::all_of(value.get_array().begin(), value.get_array().end(), is_scalar)) {
        return joined(value.get_array());
    }
    if (value.is_object() && value.get_object().empty()) return {};
    return json::serialize(value);
}

std::string text_at(const json::value& value, std::string_view path) {
    const auto* const found = find(value, path);
    return found != nullptr ? text_of(*found) : std::string();
}

std::uint64_t count_at(const json::value& value_in, std::string_view key) {
    const auto* const object = value_in.if_object();
    const auto* const value = object != nullptr ? object->if_contains(key) : nullptr;
    boost::system::error_code failure;
    const auto number = value != nullptr ? value->to_number<std::uint64_t>(failure) : 0;
    return failure ? 0 : number;
}

const json::array& array_at(const json::value& value, std::string_view key) {
    static const json::array kNone;
    const auto* const found = find(value, key);
    return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

std::vector<std::pair<std::string, std::string>> flattened(
    const json::object& object, const std::vector<std::string_view>& skip) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& member : object) {
        const std::string key(member.key());
        if (std::find(skip.begin(), skip.end(), key) != skip.end()) continue;
        const auto* const nested = member.value().if_object();
        if (nested == nullptr || nested->empty()) {
            fields.emplace_back(key, text_of(member.value()));
            continue;
        }
        for (const auto& inner : *nested)
            fields.emplace_back(key + "." + std::string(inner.key()), text_of(inner.value()));
    }
    return fields;
}

Table table_of(const json::array& rows, const std::vector<Column>& columns) {
    std::vector<std::string> headings;
    for (const auto& column : columns) headings.push_back(column.heading);
    Table table(std::move(headings));
    for (const auto& row : rows) {
        std::vector<std::string> cells;
        for (const auto& column : columns) cells.push_back(text_at(row, column.path));
        table.add(std::move(cells));
    }
    return table;
}

core::Result<int> print_object(Context& context, std::string_view body) {
    if (context.output().is_json()) {
        context.output().document(body);
        return kExitDone;
    }
    auto value = parse_answer(body);
    if (!value) return value.error();
    if (value->is_object()) context.output().fields(flattened(value->get_object()));
    return kExitDone;
}

core::Result<int> print_list(Context& context, std::string_view body,
                             const std::vector<Column>& columns, std::string_view nothing) {
    if (context.output().is_json()) {
        context.output().document(body);
        return kExitDone;
    }
    auto value = parse_answer(body);
    if (!value) return value.error();
    const auto table =
        table_of(value->is_array() ? value->get_array() : array_at(*value, "items"), columns);
    if (table.empty()) {
        context.output().line(nothing);
    } else {
        context.output().table(table);
    }
    return kExitDone;
}

core::Result<std::string> item_path(std::string_view collection, const std::string& name,
                                    std::string_view action) {
    if (name.empty()) return core::invalid_argument("name", "must not be empty");
    std::string path = std::string(collection) + "/" + core::percent_encode(name);
    if (!action.empty()) path.append("/").append(action);
    return path;
}

api::ApiRequest json_request(std::string method, std::string path, std::string body) {
    api::ApiRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    if (!body.empty()) request.headers["content-type"] = "application/json";
    request.body = std::move(body);
    return request;
}

void tell_where_nothing_is_sent(Context& context) {
    const auto client = context.client();
    if (!client || (*client)->is_daemon()) return;
    context.output().warning(
        "no daemon runs on this database: nothing is sent until 'herald serve' does");
}

core::Result<int> call_and_print(Context& context, const std::string& method,
                                 std::string_view collection, const std::string& name,
                                 std::string_view action) {
    auto path = item_path(collection, name, action);
    if (!path) return path.error();
    auto body = context.call(json_request(method, std::move(*path)));
    if (!body) return body.error();
    return print_object(context, *body);
}

}  // namespace herald::cli
