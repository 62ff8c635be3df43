// SPDX-License-Identifier: MIT
// The loader of backend modules on good, foreign and broken files; and the CUDA module where it was built.
#include "engine/backend_module.h"

#include <QtTest>

#include <filesystem>
#include <fstream>

namespace {

bool is_sentence(const std::string& text)
{
    return text.size() > 10 && text.size() < 300 && text.back() == '.' &&
           text.find('\n') == std::string::npos;
}

} // namespace

class TestCudaModule : public QObject
{
    Q_OBJECT

private slots:
    void missing_file_is_named()
    {
        const engine::LoadedModule loaded = engine::load_module("no/such/libfathom-cuda.so");
        QVERIFY(!loaded.module);
        QVERIFY(is_sentence(loaded.why_not));
        QVERIFY(loaded.why_not.find("no/such/libfathom-cuda.so") != std::string::npos);
    }

    void file_that_is_no_library_is_refused()
    {
        QTemporaryDir folder;
        const std::filesystem::path file = folder.filePath("libfathom-cuda.so").toStdString();
        std::ofstream(file) << "not a library";
        const engine::LoadedModule loaded = engine::load_module(file);
        QVERIFY(!loaded.module);
        QVERIFY(is_sentence(loaded.why_not));
    }

    void module_of_another_version_is_refused()
    {
        const engine::LoadedModule loaded = engine::load_module(FATHOM_MODULE_OF_ANOTHER_VERSION);
        QVERIFY(!loaded.module);
        QVERIFY(is_sentence(loaded.why_not));
        const std::string found = std::to_string(engine::backend_module_version + 1);
        QVERIFY(loaded.why_not.find("version " + found) != std::string::npos);
    }

    void library_without_the_function_is_refused()
    {
        const engine::LoadedModule loaded = engine::load_module(FATHOM_MODULE_WITHOUT_FUNCTION);
        QVERIFY(!loaded.module);
        QVERIFY(is_sentence(loaded.why_not));
        QVERIFY(loaded.why_not.find("not a module") != std::string::npos);
    }

    void module_of_the_program_is_found_once()
    {
        // This test stands outside the program's folder, so there is none, said in one sentence.
        const engine::LoadedModule& loaded = engine::cuda_module();
        QVERIFY(!loaded.module);
        QVERIFY(is_sentence(loaded.why_not));
        QCOMPARE(&engine::cuda_module(), &loaded);
    }

#ifdef FATHOM_CUDA_MODULE
    void built_module_lists_devices_or_says_why_not()
    {
        const engine::LoadedModule loaded = engine::load_module(FATHOM_CUDA_MODULE);
        QVERIFY2(loaded.module, loaded.why_not.c_str());
        std::vector<engine::Device> devices;
        const std::string why_none = loaded.module->list_devices(devices);
        QCOMPARE(devices.empty(), !why_none.empty());
        if (devices.empty())
            QVERIFY2(is_sentence(why_none), why_none.c_str());
        for (std::size_t i = 0; i < devices.size(); ++i) {
            QCOMPARE(devices[i].id, "cuda:" + std::to_string(i));
            QVERIFY(!devices[i].name.empty());
            QVERIFY(devices[i].free_bytes <= devices[i].memory_bytes);
        }
    }
#endif
};

QTEST_APPLESS_MAIN(TestCudaModule)
#include "test_cuda_module.moc"
