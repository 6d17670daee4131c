#include "cli/pause.h"

#include <boost/asio/io_context.hpp>

namespace herald::cli {

void pause(core::Clock& clock, std::chrono::milliseconds duration) {
    boost::asio::io_context context(1);
    const auto timer = clock.make_timer(context.get_executor());
    timer->expires_at(clock.steady_now() + duration);
    timer->on_expiry([](bool) {});
    context.run();
}

}  // namespace herald::cli
