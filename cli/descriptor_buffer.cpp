#include "cli/descriptor_buffer.h"

#include <unistd.h>

#include <cerrno>

namespace herald::cli {

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
}

DescriptorBuffer::~DescriptorBuffer() {
    write_out();
}

bool DescriptorBuffer::write_out() {
    const char* from = pbase();
    while (error_number_ == 0 && from < pptr()) {
        const auto written = ::write(descriptor_, from, static_cast<std::size_t>(pptr() - from));
        if (written >= 0) {
            from += written;
        } else if (errno != EINTR) {
            error_number_ = errno;
        }
    }
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return error_number_ == 0;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type c) {
    if (!write_out()) return traits_type::eof();
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    return sputc(traits_type::to_char_type(c));
}

int DescriptorBuffer::sync() {
    return write_out() ? 0 : -1;
}

}  // namespace herald::cli
