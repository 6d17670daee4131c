#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/resolver.h"

namespace herald::test {

/// A name server in the test's hands: answers by name, one after another; the last one stays.
///
/// Thread-safety: none; for one io_context.
class FakeResolver final : public http::Resolver {
public:
    /// Appends an answer for `host`; an empty list stands for NXDOMAIN.
    void answer(const std::string& host, std::initializer_list<const char*> addresses);
    /// Never answers for `host`.
    void stall(const std::string& host);
    [[nodiscard]] int lookups(const std::string& host) const;

    /// Nothing is remembered: each question is a lookup.
    [[nodiscard]] const Answer* known(std::string_view host) override;
    /// A name nobody told about is NXDOMAIN.
    [[nodiscard]] std::unique_ptr<Question> ask(std::string_view host, Done done) override;

private:
    struct Name {
        std::vector<http::Addresses> answers;
        std::size_t next = 0;
        int lookups = 0;
        bool is_stalled = false;
    };
    std::map<std::string, Name, std::less<>> names_;
};

}  // namespace herald::test
