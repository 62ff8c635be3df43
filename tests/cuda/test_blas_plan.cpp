// SPDX-License-Identifier: MIT
// Where cuBLAS is looked for, and what is said where it is not.
#include "kernels/cuda/blas.h"

#include <QtTest>

using namespace kernels::cuda;

class TestBlasPlan : public QObject
{
    Q_OBJECT

private slots:
    void names()
    {
        const std::vector<std::string> all = cublas_names("/opt/fathom/lib", "/usr/local/cuda/lib64", 13);
        QCOMPARE(all, (std::vector<std::string>{"/opt/fathom/lib/libcublas.so.13",
                                                "/usr/local/cuda/lib64/libcublas.so.13", "libcublas.so.13"}));
        QCOMPARE(cublas_names("", "", 12), std::vector<std::string>{"libcublas.so.12"});
    }

    void missing()
    {
        QCOMPARE(cublas_is_missing(13), std::string("cuBLAS is missing: libcublas.so.13 was not found; "
                                                    "./installer/cuda installs it."));
    }

    void workspace()
    {
        DeviceLimits limits;
        for (const int capability : {80, 86, 89}) {
            limits.capability = capability;
            QCOMPARE(cublas_workspace_bytes(limits), 4 << 20);
        }
        for (const int capability : {90, 120}) {
            limits.capability = capability;
            QCOMPARE(cublas_workspace_bytes(limits), 32 << 20);
        }
    }
};

QTEST_APPLESS_MAIN(TestBlasPlan)
#include "test_blas_plan.moc"
