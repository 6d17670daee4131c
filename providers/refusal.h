#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "http/message.h"

namespace herald::providers {

/// Why a server says that it refuses. Its own words, uncut and not yet made printable or masked.
struct Refusal {
    std::string code;         ///< empty: it names none
    std::string description;  ///< empty: it says nothing
    /// JSON or a form, made for programs; else what some server in between wrote for people.
    bool is_document = false;
};

/// Reads what a person would read in any answer that is no success: OAuth's `error` and
/// `error_description` (RFC 6749 section 5.2), an error as an object, problem details (RFC 9457),
/// lists (`errors`, Zuora's `reasons`, Salesforce's array), the members that vendors have instead,
/// plain text, and the words of a page. Of a list the first entry that says something.
[[nodiscard]] Refusal read_refusal(const http::Response& response);

/// Whether a member of an answer says something: null, false, 0, empty text and empty containers do
/// not.
[[nodiscard]] bool says_something(const boost::json::value& value);

}  // namespace herald::providers
