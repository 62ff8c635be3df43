// SPDX-License-Identifier: MIT
// Products of a few rows with weights in their stored form: one launch each, bound by reading the weights.
// Sums are in fp32 and in a fixed order that depends on the shape alone, so that a row gives the same numbers
// beside any others.
//
// All views and matrices point to device memory; weights lie as kernels/cuda/layout.h says.
#pragma once

#include "kernels/cuda/batch.h"
#include "kernels/cuda/runtime.h"
#include "kernels/ops.h"

#include <cstdint>

namespace kernels::cuda {

// Rows of a batch that these serve; more go through kernels/cuda/dense.h and experts_grouped.h.
constexpr std::int64_t max_vector_rows = 8;

enum class Store : std::uint8_t
{
    assign,
    add,
};

// y (T, w0.rows + w1.rows) = [w0; w1] x. x is normed first where `norm` has a weight; w1 may be empty. With
// `gather`, row t of x is its row gather[t] (T device ints).
struct Product
{
    View<float> y;
    View<const float> x;
    Norm norm;
    Matrix w0;
    Matrix w1;
    Store store = Store::assign;
    const std::int32_t* gather = nullptr;
};
LaunchPlan plan_product(const Product& product, const DeviceLimits& limits);
void multiply(const Device& device, const Product& product);

// y (T, width) = silu(gate norm(x)) * (up norm(x))
struct GatedProduct
{
    View<float> y;
    View<const float> x;
    Norm norm;
    Matrix gate;
    Matrix up;
};
LaunchPlan plan_gated_product(const GatedProduct& product, const DeviceLimits& limits);
void multiply_gated(const Device& device, const GatedProduct& product);

// h (T, d) = table[tokens], any number of rows.
void embed(const Device& device, View<float> h, const Matrix& table, const DeviceBatch& batch);

// The experts of one layer on the device: each kind of matrix at a constant distance (HeadMatrix, heads =
// experts).
struct DeviceExperts
{
    HeadMatrix gate; // E of (F, d)
    HeadMatrix up;   // E of (F, d)
    HeadMatrix down; // E of (d, F)
    Mlp shared;      // empty where the model has none
};

// x (T, d) = norm(h), routing from scores w (E, d) x in fp32. Any number of rows. `scores` is workspace (T,
// E).
void norm_route(const Device& device, View<float> x, const Routing& routing, View<const float> h,
                const Norm& norm, const Matrix& w, const RoutingRule& rule, View<float> scores);
LaunchPlan plan_route(std::int64_t rows, const RoutingRule& rule); // of the choice from the scores

// As kernels/ops.h says, for at most max_vector_rows rows. Where the shared memory of a block holds fewer
// rows at a time, there are several launches, of which the plans are the first. Throws Failure where it does
// not even hold one.
LaunchPlan plan_experts_gate_up(View<const float> x, const Routing& routing, const DeviceExperts& experts,
                                const DeviceLimits& limits);
void experts_gate_up(const Device& device, View<float> hidden, View<const float> x, const Routing& routing,
                     const DeviceExperts& experts);
LaunchPlan plan_experts_down(View<const float> hidden, const Routing& routing, const DeviceExperts& experts,
                             const DeviceLimits& limits);
void experts_down_add(const Device& device, View<float> h, View<const float> hidden, const Routing& routing,
                      const DeviceExperts& experts);

} // namespace kernels::cuda
