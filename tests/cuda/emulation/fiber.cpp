// SPDX-License-Identifier: MIT
#include "tests/cuda/emulation/fiber.h"

#include <cstdint>

#if !defined(__x86_64__)
#include <memory>
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace emulation {

namespace {

Fiber* running = nullptr; // one grid runs at a time

} // namespace

#if defined(__x86_64__)

// Keeps what the System V ABI lets a callee keep on the old stack and goes on where the new one stopped.
extern "C" void emulation_switch_stack(void** from, void* to);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl emulation_switch_stack\n"
        ".hidden emulation_switch_stack\n"
        ".type emulation_switch_stack, @function\n"
        "emulation_switch_stack:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n" // not `ret`: the caller is never the one that the processor expects
        "    jmp *%rcx\n"
        ".size emulation_switch_stack, . - emulation_switch_stack\n");

void Fiber::prepare()
{
    auto* top = reinterpret_cast<std::uint64_t*>(m_stack + m_bytes);
    *--top = 0; // no caller: a function begins 8 bytes below a multiple of 16
    *--top = reinterpret_cast<std::uint64_t>(&Fiber::loop); // where the switch goes
    for (int i = 0; i < 6; ++i)
        *--top = 0;
    m_inside = top;
}

void Fiber::destroy() {}

#else

void Fiber::prepare()
{
    auto* context = new ucontext_t;
    getcontext(context);
    context->uc_stack.ss_sp = m_stack;
    context->uc_stack.ss_size = m_bytes;
    context->uc_link = nullptr;
    makecontext(context, &Fiber::loop, 0);
    m_inside = context;
    m_outside = new ucontext_t;
}

void Fiber::destroy()
{
    delete static_cast<ucontext_t*>(m_inside);
    delete static_cast<ucontext_t*>(m_outside);
}

#endif

Fiber::Fiber(std::byte* stack, std::size_t bytes, void (*body)())
    : m_stack(stack)
    , m_bytes(bytes)
    , m_body(body)
{
    prepare();
#if defined(__SANITIZE_THREAD__)
    m_sanitizer = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber()
{
    destroy();
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(m_sanitizer);
#endif
}

void Fiber::enter()
{
    running = this;
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, m_stack, m_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
    m_outer_sanitizer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(m_sanitizer, 0);
#endif
#if defined(__x86_64__)
    emulation_switch_stack(&m_outside, m_inside);
#else
    swapcontext(static_cast<ucontext_t*>(m_outside), static_cast<ucontext_t*>(m_inside));
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void Fiber::leave()
{
    Fiber& self = *running;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&self.m_sanitizer, self.m_outer_stack, self.m_outer_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(self.m_outer_sanitizer, 0);
#endif
#if defined(__x86_64__)
    emulation_switch_stack(&self.m_inside, self.m_outside);
#else
    swapcontext(static_cast<ucontext_t*>(self.m_inside), static_cast<ucontext_t*>(self.m_outside));
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(self.m_sanitizer, &self.m_outer_stack, &self.m_outer_bytes);
#endif
}

void Fiber::loop()
{
    Fiber& self = *running;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &self.m_outer_stack, &self.m_outer_bytes);
#endif
    for (;;) {
        self.m_body();
        leave();
    }
}

void Fiber::abandon()
{
    destroy();
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(m_stack, m_bytes); // the frames that nobody leaves
    m_sanitizer = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(m_sanitizer);
    m_sanitizer = __tsan_create_fiber(0);
#endif
    prepare();
}

} // namespace emulation
