#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/context.h"

/// From the API's answers to what a command prints.
namespace herald::cli {

inline constexpr std::string_view kProviders = "/v1/providers";
inline constexpr std::string_view kNotifications = "/v1/notifications";
inline constexpr std::string_view kCallouts = "/v1/callouts";

/// An answer of ours that is no JSON is an `internal_error`.
[[nodiscard]] core::Result<boost::json::value> parse_answer(std::string_view body);

/// A value for people: null is empty, lists of words are joined, anything deeper stays JSON.
[[nodiscard]] std::string text_of(const boost::json::value& value);
/// The value at `token.expires_at`; empty where it is missing.
[[nodiscard]] std::string text_at(const boost::json::value& value, std::string_view path);
/// The number at `key`; 0 where there is none.
[[nodiscard]] std::uint64_t count_at(const boost::json::value& value, std::string_view key);
/// The list at `key`; empty where there is none.
[[nodiscard]] const boost::json::array& array_at(const boost::json::value& value,
                                                 std::string_view key);
/// Members in order, one level of nested objects as `token.expires_at`; without the members in
/// `skip`.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> flattened(
    const boost::json::object& object, const std::vector<std::string_view>& skip = {});

struct Column {
    std::string heading;
    std::string path;
};
[[nodiscard]] Table table_of(const boost::json::array& rows, const std::vector<Column>& columns);

/// Prints one object: the document with --json, else its members.
[[nodiscard]] core::Result<int> print_object(Context& context, std::string_view body);
/// Prints an array of objects; `nothing` is the line for people where it is empty.
[[nodiscard]] core::Result<int> print_list(Context& context, std::string_view body,
                                           const std::vector<Column>& columns,
                                           std::string_view nothing);

/// `/v1/providers/crm/enable` from its parts; an empty name is an error.
[[nodiscard]] core::Result<std::string> item_path(std::string_view collection,
                                                  const std::string& name,
                                                  std::string_view action = {});
[[nodiscard]] api::ApiRequest json_request(std::string method, std::string path,
                                           std::string body = {});

/// For commands that leave callouts behind: says so where no daemon is there to send them.
void tell_where_nothing_is_sent(Context& context);

/// Sends a request about one named thing and prints the object that comes back.
[[nodiscard]] core::Result<int> call_and_print(Context& context, const std::string& method,
                                               std::string_view collection, const std::string& name,
                                               std::string_view action = {});

}  // namespace herald::cli
