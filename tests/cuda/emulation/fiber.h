// SPDX-License-Identifier: MIT
// One stack of its own, entered and left by plain calls. Address and thread sanitizers are told.
#pragma once

#include <cstddef>

namespace emulation {

class Fiber
{
public:
    // The stack is somebody else's. `body` runs again from its beginning on the enter() after it has
    // returned.
    Fiber(std::byte* stack, std::size_t bytes, void (*body)());
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    void enter();        // from outside; comes back at the next leave() or the end of the body
    static void leave(); // from the body
    void abandon();      // from outside: the next enter() begins the body anew

private:
    void prepare();
    void destroy();
    static void loop();

    std::byte* m_stack;
    std::size_t m_bytes;
    void (*m_body)();
    void* m_inside = nullptr;  // where the fiber goes on
    void* m_outside = nullptr; // where enter() goes on
    void* m_sanitizer = nullptr;
    void* m_outer_sanitizer = nullptr;
    const void* m_outer_stack = nullptr;
    std::size_t m_outer_bytes = 0;
};

} // namespace emulation
