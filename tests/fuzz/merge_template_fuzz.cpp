// The first byte splits the input into template and data: a rendered JSON body always parses, a
// header never breaks its line.
#include <cstdlib>

#include "core/json.h"
#include "dispatcher/merge_template.h"
#include "http/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t split = std::min<std::size_t>(data[0], input.size());
    storage::EventRecord event;
    event.type = "a.b";
    event.data = input.substr(split);
    if (!core::validate_json(event.data)) event.data = R"({"a":["x",{"b":1.50}]})";
    const std::string_view text = input.substr(0, split);
    using dispatcher::MergeContext;
    if (const auto body = dispatcher::MergeTemplate::compile(text, MergeContext::kJson, "body")) {
        const auto rendered = body->render(event, nullptr);
        if (rendered && core::validate_json(body->sample()) && !core::validate_json(*rendered))
            std::abort();
    }
    if (const auto header =
            dispatcher::MergeTemplate::compile(text, MergeContext::kHeader, "header")) {
        const auto rendered = header->render(event, nullptr);
        const bool literal_is_clean = text.find_first_of("\r\n") == std::string_view::npos;
        if (rendered && literal_is_clean && rendered->find_first_of("\r\n") != std::string::npos)
            std::abort();
    }
    return 0;
}
