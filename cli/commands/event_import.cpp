#include "cli/commands/event_import.h"

#include <algorithm>

#include "cli/commands/answers.h"
#include "cli/progress_bar.h"
#include "core/byte_order_mark.h"
#include "core/encoding.h"
#include "core/json.h"

namespace herald::cli {
namespace json = boost::json;

namespace {

// Fewer than the API rejects before it stops reading a batch.
constexpr std::size_t kBatchLines = 500;
constexpr std::size_t kBatchBytes = std::size_t{8} * 1024 * 1024;
// The data's mebibyte, its envelope, and some room: the API says what exactly is too much.
constexpr std::size_t kMaxLineBytes = std::size_t{2} * 1024 * 1024;

enum class Line { kRead, kTooLong, kEnd };

/// As getline, without ever holding more than a line may have.
Line read_line(std::istream& input, std::string& line) {
    line.clear();
    bool too_long = false;
    bool any = false;
    for (int c = input.get(); c != std::istream::traits_type::eof(); c = input.get()) {
        any = true;
        if (c == '\n') break;
        if (line.size() < kMaxLineBytes) {
            line.push_back(static_cast<char>(c));
        } else {
            too_long = true;
        }
    }
    if (!any) return Line::kEnd;
    return too_long ? Line::kTooLong : Line::kRead;
}

}  // namespace

void EventImport::reject(std::uint64_t line, std::string_view why) {
    summary_.rejected.push_back(json::object{{"line", line}, {"error", why}});
}

std::string with_key(std::string_view line, std::string_view key) {
    const std::string_view text = core::trim(line);
    const auto members = core::validate_json(text) ? core::raw_members(text) : std::nullopt;
    if (!members) return std::string(line);
    const bool has_key = std::any_of(members->begin(), members->end(),
                                     [](const core::RawMember& each) { return each.key == "key"; });
    if (has_key) return std::string(line);
    std::string out = "{\"key\":\"" + core::escape_json(key) + "\"";
    if (!members->empty()) out.push_back(',');
    return out.append(text.substr(1));
}

core::Result<ImportSummary> EventImport::run(std::istream& input) {
    ProgressBar bar(context_.io().err, context_.io().err_is_terminal, options_.total_bytes);
    std::string line;
    for (;;) {
        const Line read = read_line(input, line);
        // Before it counts: a signal ends the reading, and what came until then is half a line.
        if (Interrupt::requested()) return interrupted();
        if (read == Line::kEnd) break;
        ++line_;
        bytes_ += line.size() + 1;
        if (line_ < options_.first_line) continue;
        if (line_ == 1) line.erase(0, line.size() - core::without_byte_order_mark(line).size());
        if (read == Line::kTooLong) {
            reject(line_, "longer than 2 MiB");
            continue;
        }
        if (auto taken = take(std::move(line)); !taken) return taken.error();
        if (!batch_.numbers.empty()) continue;
        bar.update(bytes_, line_);
        if (Interrupt::requested()) return interrupted();
    }
    if (auto sent = send(); !sent) return sent.error();
    return std::move(summary_);
}

core::Result<> EventImport::take(std::string line) {
    if (core::trim(line).empty()) return {};
    if (options_.key_prefix)
        line = with_key(line, *options_.key_prefix + ":" + std::to_string(line_));
    // One line of the batch must stay one: a lone carriage return is white space to JSON and to us.
    batch_.text.append(line).push_back('\n');
    batch_.numbers.push_back(line_);
    const bool full = batch_.numbers.size() >= kBatchLines || batch_.text.size() >= kBatchBytes;
    return full ? send() : core::Result<>();
}

core::Error EventImport::cut_off(core::Error error) const {
    const std::uint64_t first = batch_.numbers.front();
    error.message += "; lines from " + std::to_string(first) + " on may not be stored (" +
                     std::to_string(summary_.accepted) + " accepted before); go on with --resume " +
                     std::to_string(first) + ": lines with a key are kept once";
    error.details["line"] = first;
    error.details["accepted"] = summary_.accepted;
    return error;
}

// Between two batches: every line before the next one has been answered for.
core::Error EventImport::interrupted() const {
    const std::uint64_t next = batch_.numbers.empty() ? line_ + 1 : batch_.numbers.front();
    core::Error error{.kind = core::ErrorKind::kCancelled, .code = "interrupted", .message = {}};
    error.message = "interrupted: lines before " + std::to_string(next) + " are stored (" +
                    std::to_string(summary_.accepted) + " accepted, " +
                    std::to_string(summary_.duplicates) + " known already, " +
                    std::to_string(summary_.rejected.size()) + " rejected), later ones are not; " +
                    "go on with --resume " + std::to_string(next);
    error.details["line"] = next;
    error.details["accepted"] = summary_.accepted;
    error.details["duplicates"] = summary_.duplicates;
    return error;
}

core::Result<> EventImport::send() {
    if (batch_.numbers.empty()) return {};
    auto request = json_request("POST", "/v1/events", std::move(batch_.text));
    request.headers["content-type"] = "application/x-ndjson";
    auto body = context_.call(std::move(request));
    if (!body) return cut_off(body.error());
    auto answer = parse_answer(*body);
    if (!answer) return answer.error();
    summary_.accepted += count_at(*answer, "accepted");
    summary_.duplicates += count_at(*answer, "duplicates");
    for (const auto& rejected : array_at(*answer, "rejected")) {
        const std::uint64_t index = count_at(rejected, "line");
        const bool known = index >= 1 && index <= batch_.numbers.size();
        reject(known ? batch_.numbers[index - 1] : 0, text_at(rejected, "error"));
    }
    batch_ = {};
    return {};
}

}  // namespace herald::cli
