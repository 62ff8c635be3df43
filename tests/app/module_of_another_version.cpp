// SPDX-License-Identifier: MIT
// A backend module as a later release might bring it. Its table must not be used.
#include "engine/backend.h"

extern "C" const engine::BackendModule* fathom_backend_module()
{
    static const engine::BackendModule module_table{.version = engine::backend_module_version + 1,
                                                    .list_devices = nullptr};
    return &module_table;
}
