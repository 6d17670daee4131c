#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret.h"
#include "storage/records.h"

namespace herald::api {

/// Reads the members of a request object into places that keep their value where the member is
/// absent.
///
/// The first trouble is kept and told by `finish`, which also refuses every member that nobody
/// asked for. Once there is trouble nothing more is read. `null` clears what is optional and is an
/// error elsewhere.
class MemberReader final {
public:
    /// `path` stands before member names in errors: `auth.` for the object at `auth`. Borrows
    /// `object`.
    explicit MemberReader(const boost::json::object& object, std::string path = {});

    void text(std::string_view key, std::string& into);
    void optional_text(std::string_view key, std::optional<std::string>& into);
    void flag(std::string_view key, bool& into);
    void whole(std::string_view key, std::int64_t& into);
    void optional_whole(std::string_view key, std::optional<std::int64_t>& into);
    void optional_number(std::string_view key, std::optional<double>& into);
    void texts(std::string_view key, std::vector<std::string>& into);
    /// An object of strings, or an array of [name, value].
    void fields(std::string_view key, storage::Fields& into);
    /// Write-only: a string that is not empty, and not the word "set" that stands for it in
    /// answers.
    void secret(std::string_view key, std::optional<core::Secret>& into);
    /// Write-only as `secret` is: an object of strings, merged by name; null takes one away.
    void secret_fields(std::string_view key, storage::SecretFields& into);
    /// Leaves the meaning of the value to `read`, called only where the member is there.
    void other(std::string_view key,
               const std::function<core::Result<>(const boost::json::value&)>& read);
    /// Shown in answers, never taken.
    void read_only(std::initializer_list<std::string_view> keys);

    [[nodiscard]] bool has(std::string_view key) const { return object_.contains(key); }
    [[nodiscard]] core::Result<> finish() const;
    [[nodiscard]] std::string field(std::string_view key) const;

private:
    const boost::json::value* take(std::string_view key);
    void refuse(std::string_view key, std::string_view rule);

    const boost::json::object& object_;
    std::string path_;
    std::vector<std::string> known_;
    std::optional<core::Error> trouble_;
};

}  // namespace herald::api
