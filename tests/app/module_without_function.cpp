// SPDX-License-Identifier: MIT
// A library that has nothing to do with the program.
extern "C" int unrelated_function()
{
    return 1;
}
