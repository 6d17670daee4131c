#include "api/call.h"
#include "api/member_reader.h"
#include "storage/key_ring.h"

// What concerns the database as a whole: backups and the keys it is sealed with.
namespace herald::api {
namespace {

using core::Result;

Result<ApiResponse> backup(const Call& call) {
    const auto request = body_object(call);
    if (!request) return request.error();
    std::string path;
    MemberReader in(*request);
    in.text("path", path);
    if (auto done = in.finish(); !done) return done.error();
    // The daemon's working directory is not the caller's.
    if (!std::filesystem::path(path).is_absolute() || path.find('\0') != std::string::npos) {
        return core::invalid_argument("path", "an absolute path is expected");
    }
    if (auto written = call.services.store.backup(path); !written) return written.error();
    return json_response(200, boost::json::object{{"path", path}});
}

Result<ApiResponse> problems_view(const Call& call) {
    const auto problems = call.services.store.check();
    if (!problems) return problems.error();
    boost::json::array found;
    for (const std::string& problem : *problems) found.emplace_back(problem);
    return json_response(200, boost::json::object{{"problems", std::move(found)}});
}

// Nothing could be written meanwhile, for as long as the database is large.
Result<ApiResponse> rebuild_indexes(const Call& call) {
    if (call.services.scheduler != nullptr) {
        return core::Error{.kind = core::ErrorKind::kConflict,
                           .code = "already_running",
                           .message =
                               "make the indexes anew: a daemon serves this database, and "
                               "nothing could be written meanwhile; stop it first"};
    }
    if (auto rebuilt = call.services.store.rebuild_indexes(); !rebuilt) return rebuilt.error();
    return problems_view(call);
}

Result<boost::json::object> keys_view(const Services& services) {
    const auto ring = storage::KeyRing::load(services.key_file);
    if (!ring) return ring.error();
    boost::json::array ids;
    for (const std::uint32_t id : ring->ids()) ids.emplace_back(id);
    return boost::json::object{{"newest", ring->newest()}, {"ids", std::move(ids)}};
}

Result<ApiResponse> keys(const Call& call) {
    const auto view = keys_view(call.services);
    if (!view) return view.error();
    return json_response(200, *view);
}

}  // namespace

std::vector<Route> database_routes() {
    return {
        {"POST", "/v1/backup", backup, Audit::kInformation, Work::kLong},
        {"POST", "/v1/database/check", problems_view, Audit::kNone, Work::kLong},
        {"POST", "/v1/database/rebuild-indexes", rebuild_indexes, Audit::kInformation, Work::kLong},
        {"GET", "/v1/keys", keys},
    };
}

}  // namespace herald::api
