#include "cli/egress_check.h"

#include <algorithm>

#include "http/url.h"

namespace herald::cli {
namespace {

/// `https://10.0.0.1/hooks/{{ data.id }}` without what is behind the host.
std::string origin_of(const std::string& url) {
    const auto host = url.find("://");
    if (host == std::string::npos) return {};
    return url.substr(0, std::min(url.find_first_of("/?#{", host + 3), url.size()));
}

}  // namespace

std::vector<std::string> refused_destinations(const http::EgressPolicy& policy,
                                              const std::vector<Destination>& destinations) {
    std::vector<std::string> refused;
    for (const Destination& destination : destinations) {
        const auto url = http::Url::parse(origin_of(destination.url), "url");
        if (!url || policy.check_literal(url->host, "url")) continue;
        refused.push_back(destination.owner + " (" + url->host + ")");
    }
    return refused;
}

}  // namespace herald::cli
