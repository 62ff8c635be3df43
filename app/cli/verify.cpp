// SPDX-License-Identifier: MIT
#include "engine/verify.h"

#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/progress.h"
#include "engine/error.h"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

namespace app {

namespace {

std::string_view word(engine::Outcome outcome)
{
    switch (outcome) {
    case engine::Outcome::passed:
        return "ok";
    case engine::Outcome::failed:
        return "FAILED";
    case engine::Outcome::left_out:
        break;
    }
    return "left out";
}

} // namespace

void verify(const Arguments& arguments, const std::stop_token& stop)
{
    const std::filesystem::path model = modelOperand(arguments);
    const engine::LoadOptions options = loadOptions(arguments, engine::CacheType::f32);
    Progress progress;
    int passed = 0;
    int failed = 0;
    int leftOut = 0;
    const engine::VerifyHooks hooks{
        .finding =
            [&](const engine::Finding& finding) {
                progress.clear();
                if (passed + failed + leftOut == 0)
                    fmt::print("fathom-cli {}, verify {}\n", FATHOM_VERSION,
                               engine::printable(model.string(), 400));
                fmt::print("{:<8} {:<14} {}\n", word(finding.outcome), finding.subject, finding.summary);
                for (const std::string& line : finding.lines)
                    fmt::print("{:24}{}\n", "", line);
                std::fflush(stdout);
                ++(finding.outcome == engine::Outcome::passed   ? passed
                   : finding.outcome == engine::Outcome::failed ? failed
                                                                : leftOut);
            },
        .progress = [&](std::string_view stage, std::int64_t done,
                        std::int64_t total) { progress.show(stage, done, total); },
    };
    if (!engine::verify(model, options, hooks, stop))
        throw Interrupted();
    fmt::print("{} checks passed, {} failed, {} left out\n", passed, failed, leftOut);
    if (failed > 0)
        throw engine::Error(model.string(),
                            fmt::format("expected every check to pass, found {} that failed", failed));
}

} // namespace app
