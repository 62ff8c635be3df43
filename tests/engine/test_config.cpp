// SPDX-License-Identifier: MIT
#include "engine/config.h"
#include "engine/error.h"
#include "engine/format/json.h"
#include "gguf_writer.h"
#include "golden.h"
#include "memory_folder.h"

#include <QTest>

#include <cmath>
#include <fstream>

using namespace engine;
namespace fs = std::filesystem;

namespace {

// The published configuration of DeepSeek-V2-Lite, as far as it is read.
constexpr const char* lite_json = R"({
  "model_type": "deepseek_v2", "architectures": ["DeepseekV2ForCausalLM"], "vocab_size": 102400, "hidden_size": 2048,
  "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 163840,
  "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
  "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 64, "n_shared_experts": 2,
  "num_experts_per_tok": 6, "n_group": 1, "topk_group": 1, "topk_method": "greedy", "routed_scaling_factor": 1.0,
  "scoring_func": "softmax", "norm_topk_prob": false, "first_k_dense_replace": 1, "moe_layer_freq": 1,
  "hidden_act": "silu", "rms_norm_eps": 1e-06, "rope_theta": 10000,
  "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
                   "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707},
  "bos_token_id": 100000, "eos_token_id": 100001, "tie_word_embeddings": false, "attention_bias": false,
  "torch_dtype": "bfloat16"})";

// What V2 (236B) has otherwise.
constexpr const char* v2_patch = R"({"hidden_size": 5120, "num_hidden_layers": 60, "num_attention_heads": 128,
  "q_lora_rank": 1536, "intermediate_size": 12288, "moe_intermediate_size": 1536, "n_routed_experts": 160,
  "n_group": 8, "topk_group": 3, "topk_method": "group_limited_greedy", "routed_scaling_factor": 16.0})";

// What V3 has otherwise.
constexpr const char* v3_patch =
    R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61,
  "num_attention_heads": 128, "q_lora_rank": 1536, "intermediate_size": 18432, "moe_intermediate_size": 2048,
  "first_k_dense_replace": 3, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8,
  "topk_group": 4, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true,
  "routed_scaling_factor": 2.5, "vocab_size": 129280, "bos_token_id": 0, "eos_token_id": 1,
  "num_nextn_predict_layers": 1, "rope_scaling": {"mscale": 1.0, "mscale_all_dim": 1.0}})";

GgufWriter lite_gguf()
{
    GgufWriter writer;
    writer.string("general.architecture", "deepseek2");
    writer.u32("deepseek2.block_count", 27);
    writer.u32("deepseek2.context_length", 163840);
    writer.u32("deepseek2.embedding_length", 2048);
    writer.u32("deepseek2.feed_forward_length", 10944);
    writer.u32("deepseek2.attention.head_count", 16);
    writer.u32("deepseek2.attention.head_count_kv", 16);
    writer.u32("deepseek2.attention.key_length", 192);
    writer.u32("deepseek2.attention.value_length", 128);
    writer.u32("deepseek2.attention.kv_lora_rank", 512);
    writer.f32("deepseek2.attention.layer_norm_rms_epsilon", 1e-6f);
    writer.f32("deepseek2.rope.freq_base", 10000);
    writer.u32("deepseek2.rope.dimension_count", 64);
    writer.string("deepseek2.rope.scaling.type", "yarn");
    writer.f32("deepseek2.rope.scaling.factor", 40);
    writer.u32("deepseek2.rope.scaling.original_context_length", 4096);
    writer.f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707f);
    writer.u32("deepseek2.leading_dense_block_count", 1);
    writer.u32("deepseek2.vocab_size", 102400);
    writer.u32("deepseek2.expert_count", 64);
    writer.u32("deepseek2.expert_used_count", 6);
    writer.u32("deepseek2.expert_shared_count", 2);
    writer.u32("deepseek2.expert_feed_forward_length", 1408);
    writer.f32("deepseek2.expert_weights_scale", 1);
    writer.u32("deepseek2.expert_gating_func", 1);
    writer.u32("deepseek2.expert_group_count", 1);
    writer.u32("deepseek2.expert_group_used_count", 1);
    writer.u32("tokenizer.ggml.bos_token_id", 100000);
    writer.u32("tokenizer.ggml.eos_token_id", 100001);
    return writer;
}

void make_v2(GgufWriter& writer)
{
    writer.u32("deepseek2.block_count", 60);
    writer.u32("deepseek2.embedding_length", 5120);
    writer.u32("deepseek2.feed_forward_length", 12288);
    writer.u32("deepseek2.attention.head_count", 128);
    writer.u32("deepseek2.attention.q_lora_rank", 1536);
    writer.u32("deepseek2.expert_count", 160);
    writer.u32("deepseek2.expert_feed_forward_length", 1536);
    writer.f32("deepseek2.expert_weights_scale", 16);
}

bool is_near(double a, double b, double relative = 1e-9)
{
    return std::abs(a - b) <= relative * std::abs(b);
}

bool equal(const Config& a, const Config& b)
{
    const auto yarn_equal = [&] {
        return a.yarn.has_value() == b.yarn.has_value() &&
               (!a.yarn ||
                (a.yarn->factor == b.yarn->factor && a.yarn->mscale == b.yarn->mscale &&
                 a.yarn->original_max_position_embeddings == b.yarn->original_max_position_embeddings &&
                 a.yarn->beta_fast == b.yarn->beta_fast && a.yarn->beta_slow == b.yarn->beta_slow &&
                 a.yarn->mscale_all_dim == b.yarn->mscale_all_dim));
    };
    return a.vocab_size == b.vocab_size && a.hidden_size == b.hidden_size &&
           a.num_hidden_layers == b.num_hidden_layers &&
           a.max_position_embeddings == b.max_position_embeddings &&
           a.num_attention_heads == b.num_attention_heads && a.q_lora_rank == b.q_lora_rank &&
           a.kv_lora_rank == b.kv_lora_rank && a.qk_nope_head_dim == b.qk_nope_head_dim &&
           a.qk_rope_head_dim == b.qk_rope_head_dim && a.v_head_dim == b.v_head_dim &&
           a.intermediate_size == b.intermediate_size && a.first_k_dense_replace == b.first_k_dense_replace &&
           a.moe_intermediate_size == b.moe_intermediate_size && a.n_routed_experts == b.n_routed_experts &&
           a.n_shared_experts == b.n_shared_experts && a.num_experts_per_tok == b.num_experts_per_tok &&
           a.n_group == b.n_group && a.topk_group == b.topk_group && a.topk_method == b.topk_method &&
           a.scoring_func == b.scoring_func && a.norm_topk_prob == b.norm_topk_prob &&
           a.routed_scaling_factor == b.routed_scaling_factor &&
           is_near(a.rms_norm_eps, b.rms_norm_eps, 1e-7) && a.rope_theta == b.rope_theta && yarn_equal() &&
           a.tie_word_embeddings == b.tie_word_embeddings && a.bos_token_id == b.bos_token_id &&
           a.eos_token_id == b.eos_token_id;
}

} // namespace

class TestConfig : public QObject
{
    Q_OBJECT

private slots:
    void init();
    void readsPublishedModels();
    void derivesRotaryNumbers();
    void readsBothFormatsAlike();
    void acceptsWhatTheRulesAllow_data();
    void acceptsWhatTheRulesAllow();
    void refusesWrongValues_data();
    void refusesWrongValues();
    void readsOldAndNewGguf();
    void refusesWrongMetadata_data();
    void refusesWrongMetadata();
    void readsGoldenModels();

private:
    Config from_json(const char* patch) const
    {
        format::Json json = format::Json::parse(lite_json);
        json.merge_patch(format::Json::parse(patch));
        std::ofstream(m_folder / "config.json") << json.dump();
        return read_config_json(m_folder / "config.json");
    }
    Config from_gguf(const GgufWriter& writer) const
    {
        writer.write(m_folder / "model.gguf");
        return read_config(format::Gguf(m_folder / "model.gguf"));
    }

    QStringList notes_of(const GgufWriter& writer) const
    {
        QStringList notes;
        for (const std::string& note : from_gguf(writer).notes)
            notes << QString::fromStdString(note);
        return notes;
    }

    std::unique_ptr<QTemporaryDir> m_temporary;
    fs::path m_folder;
};

void TestConfig::init()
{
    m_temporary = memory_folder();
    m_folder = m_temporary->path().toStdString();
}

// Parameter counts: specification of the family, section 5.1.
void TestConfig::readsPublishedModels()
{
    const Config lite = from_json("{}");
    QCOMPARE(lite.q_lora_rank, std::int64_t{0});
    QCOMPARE(lite.topk_method, kernels::TopkMethod::greedy);
    QCOMPARE(lite.parameters(), std::int64_t{15'706'484'224});
    QCOMPARE(lite.active_parameters(), std::int64_t{2'661'150'208});
    QCOMPARE(lite.kv_numbers_per_token(), std::int64_t{15'552});
    QVERIFY(is_near(lite.softmax_scale(), 0.1147213868, 1e-9));
    QCOMPARE(lite.rope_multiplier(), 1.0);
    QVERIFY(lite.is_dense_layer(0) && !lite.is_dense_layer(1));

    const Config v2 = from_json(v2_patch);
    QCOMPARE(v2.topk_method, kernels::TopkMethod::group_limited_greedy);
    QCOMPARE(v2.n_group, std::int64_t{8});
    QCOMPARE(v2.topk_group, std::int64_t{3});
    QCOMPARE(v2.parameters(), std::int64_t{235'741'434'880});
    QCOMPARE(v2.active_parameters(), std::int64_t{21'375'800'320});
    QCOMPARE(v2.kv_numbers_per_token(), std::int64_t{34'560});

    const Config v3 = from_json(v3_patch);
    QCOMPARE(v3.topk_method, kernels::TopkMethod::noaux_tc);
    QCOMPARE(v3.scoring_func, kernels::ScoringFunction::sigmoid);
    QCOMPARE(v3.parameters(), std::int64_t{671'026'404'352});
    QCOMPARE(v3.active_parameters(), std::int64_t{37'552'282'624});
    QCOMPARE(v3.num_nextn_predict_layers, std::int64_t{1});
    QVERIFY(is_near(v3.softmax_scale(), 0.1352337789, 1e-9));
    // Newer writers leave to model_type what follows from it.
    format::Json brief = format::Json::parse(v3_patch);
    for (const char* key : {"topk_method", "scoring_func", "norm_topk_prob"})
        brief[key] = nullptr;
    QVERIFY(equal(from_json(brief.dump().c_str()), v3));
}

// Section 2.5 of the specification, with its table for the real models.
void TestConfig::derivesRotaryNumbers()
{
    constexpr double expected[] = {1,
                                   .749894209,
                                   .562341325,
                                   .421696503,
                                   .316227766,
                                   .237137371,
                                   .177827941,
                                   .133352143,
                                   .1,
                                   .0749894209,
                                   .0562341325,
                                   .0390069266,
                                   .0268793601,
                                   .0183781462,
                                   .0124479559,
                                   .00833450895,
                                   .0055,
                                   .00356199749,
                                   .0022493653,
                                   .00137051364,
                                   .000790569415,
                                   .000414990398,
                                   .000177827941,
                                   3.33380358e-5,
                                   2.5e-5,
                                   1.87473552e-5,
                                   1.40585331e-5,
                                   1.05424126e-5,
                                   7.90569415e-6,
                                   5.92843426e-6,
                                   4.44569853e-6,
                                   3.33380358e-6};
    const std::vector<double> theta = from_json("{}").rope_inverse_frequencies();
    QCOMPARE(theta.size(), std::size(expected));
    for (std::size_t i = 0; i < theta.size(); ++i)
        QVERIFY2(is_near(theta[i], expected[i], 1e-8), qPrintable(QString::number(i)));

    const Config plain = from_json(R"({"rope_scaling": null})");
    QVERIFY(is_near(plain.softmax_scale(), 0.0721687836, 1e-9));
    QVERIFY(is_near(plain.rope_inverse_frequencies()[31], std::pow(10000.0, -62.0 / 64)));
    QCOMPARE(plain.rope_multiplier(), 1.0);

    const Config one = from_json(R"({"rope_scaling": {"mscale": 1.0}})");
    QVERIFY(is_near(one.rope_multiplier(), 1.3688879454 / 1.2608037774, 1e-9));
    const Config uncorrected = from_json(R"({"rope_scaling": {"mscale_all_dim": 0}})");
    QVERIFY(is_near(uncorrected.softmax_scale(), 0.0721687836, 1e-9));
    QVERIFY(is_near(uncorrected.rope_multiplier(), 1.2608037774, 1e-9));
}

void TestConfig::readsBothFormatsAlike()
{
    QVERIFY(equal(from_gguf(lite_gguf()), from_json("{}")));
    GgufWriter v2 = lite_gguf();
    make_v2(v2);
    v2.u32("deepseek2.expert_group_count", 8);
    v2.u32("deepseek2.expert_group_used_count", 3);
    QVERIFY(equal(from_gguf(v2), from_json(v2_patch)));
    GgufWriter latent = lite_gguf();
    latent.u32("deepseek2.attention.head_count_kv", 1);
    latent.u32("deepseek2.attention.key_length", 576);
    latent.u32("deepseek2.attention.value_length", 512);
    latent.u32("deepseek2.attention.key_length_mla", 192);
    latent.u32("deepseek2.attention.value_length_mla", 128);
    QVERIFY(equal(from_gguf(latent), from_json("{}")));
    GgufWriter plain = lite_gguf();
    plain.remove("deepseek2.rope.scaling.type");
    QVERIFY(equal(from_gguf(plain), from_json(R"({"rope_scaling": null})")));
}

void TestConfig::acceptsWhatTheRulesAllow_data()
{
    QTest::addColumn<QByteArray>("patch");
    const auto row = [](const char* patch) { QTest::newRow(patch) << QByteArray(patch); };
    row(R"({"q_lora_rank": 0})");
    row(R"({"topk_method": "gready"})");
    row(R"({"topk_method": null})");
    row(R"({"n_group": null, "topk_group": null})");
    row(R"({"n_group": 7})"); // plain choice knows no groups
    row(R"({"scoring_func": null, "norm_topk_prob": null, "routed_scaling_factor": null})");
    row(R"({"moe_layer_freq": null, "hidden_act": null, "attention_bias": null, "quantization_config": null})");
    row(R"({"rope_theta": null})");
    row(R"({"rope_scaling": null, "rope_theta": null, "head_dim": 64, "rope_parameters": {"rope_theta": 10000,
            "rope_type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
            "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707}})");
    row(R"({"eos_token_id": [100001, 7]})");
    row(R"({"quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
            "scale_fmt": "ue8m0", "weight_block_size": [128, 128]}})");
    row(R"({"unknown_key": {"a": [1]}})");
}

void TestConfig::acceptsWhatTheRulesAllow()
{
    QFETCH(QByteArray, patch);
    QVERIFY(equal(from_json(patch.constData()), from_json("{}")));
}

void TestConfig::refusesWrongValues_data()
{
    QTest::addColumn<QByteArray>("patch");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char* patch, const char* part) {
        QTest::newRow(patch) << QByteArray(patch) << QByteArray(part);
    };
    row(R"({"model_type": "llama"})", "key model_type: expected deepseek_v2 or deepseek_v3, found \"llama\"");
    row(R"({"model_type": null})", "key model_type");
    row(R"({"attention_bias": true})", "key attention_bias: expected false, found true");
    row(R"({"rope_interleave": false})", "key rope_interleave: expected true, found false");
    row(R"({"hidden_act": "gelu"})", "key hidden_act: expected silu, found gelu");
    row(R"({"moe_layer_freq": 2})", "key moe_layer_freq: expected 1, found 2");
    row(R"({"quantization_config": {"quant_method": "fp8"}})",
        "key quantization_config.weight_block_size: expected [128, 128], found nothing");
    row(R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [64, 128]}})",
        "weight_block_size: expected [128, 128], found [64,128]");
    row(R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128], "fmt": "e5m2"}})",
        "key quantization_config.fmt: expected e4m3, found e5m2");
    row(R"({"quantization_config": {"quant_method": "awq"}})", "found awq");
    row(R"({"topk_method": "best"})",
        "key topk_method: expected greedy or group_limited_greedy for deepseek_v2, found best");
    row(R"({"topk_method": "noaux_tc"})", "key topk_method: expected greedy or group_limited_greedy");
    row(R"({"scoring_func": "sigmoid"})",
        "key scoring_func: expected softmax for deepseek_v2, found sigmoid");
    row(R"({"model_type": "deepseek_v3", "topk_method": "greedy"})",
        "key topk_method: expected noaux_tc for deepseek_v3, found greedy");
    row(R"({"model_type": "deepseek_v3", "topk_method": "noaux_tc", "scoring_func": "softmax"})",
        "key scoring_func: expected sigmoid for deepseek_v3, found softmax");
    row(R"({"scoring_func": "relu"})", "key scoring_func");
    row(R"({"rope_scaling": {"type": "linear"}})", "key rope_scaling.type: expected yarn, found linear");
    row(R"({"rope_scaling": {"factor": null}})", "key rope_scaling.factor");
    row(R"({"rope_scaling": {"factor": 0}})", "rope_scaling.factor: expected 1 to");
    row(R"({"rope_scaling": {"factor": "40"}})", "key rope_scaling.factor: expected a number, found string");
    row(R"({"rope_scaling": {"original_max_position_embeddings": 0}})",
        "key rope_scaling.original_max_position_embeddings");
    row(R"({"rope_scaling": {"beta_slow": 64}})", "rope_scaling.beta_fast: expected 64 to");
    row(R"({"rope_scaling": {"beta_slow": 0}})", "rope_scaling.beta_slow");
    row(R"({"rope_scaling": {"mscale": -1}})", "rope_scaling.mscale:");
    row(R"({"rope_scaling": {"mscale_all_dim": 1e300}})", "rope_scaling.mscale_all_dim:");
    for (const char* key :
         {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "kv_lora_rank",
          "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "intermediate_size", "moe_intermediate_size",
          "n_routed_experts", "num_experts_per_tok", "max_position_embeddings"})
        for (const char* value :
             {"0", "-1", "4000000000", "9223372036854775807", "1.5", "\"64\"", "true", "null"}) {
            const std::string patch = std::string("{\"") + key + "\": " + value + "}";
            QTest::newRow(patch.c_str())
                << QByteArray::fromStdString(patch) << QByteArray("key ") + key + ": expected ";
        }
    row(R"({"q_lora_rank": -1})", "key q_lora_rank");
    row(R"({"n_shared_experts": 1000})", "key n_shared_experts");
    row(R"({"first_k_dense_replace": 28})", "first_k_dense_replace: expected at most 27 layers, found 28");
    row(R"({"qk_rope_head_dim": 63})", "qk_rope_head_dim: expected an even number");
    row(R"({"num_experts_per_tok": 65})",
        "num_experts_per_tok: expected at most the 64 of n_routed_experts, found 65");
    row(R"({"topk_method": "group_limited_greedy", "n_group": 7})", "n_group: expected a divisor");
    row(R"({"topk_method": "group_limited_greedy", "n_group": 8, "topk_group": 9})",
        "topk_group: expected at most the 8");
    row(R"({"topk_method": "group_limited_greedy", "n_group": 32, "topk_group": 2})",
        "num_experts_per_tok: expected at most the 4 experts in 2 groups");
    row(R"({"model_type": "deepseek_v3", "topk_method": null, "scoring_func": null, "n_group": 64,
            "topk_group": 64})",
        "n_group: expected groups of two experts");
    row(R"({"routed_scaling_factor": 0})", "routed_scaling_factor");
    row(R"({"routed_scaling_factor": -1})", "routed_scaling_factor");
    row(R"({"rms_norm_eps": 0})", "rms_norm_eps");
    row(R"({"rope_theta": 0})", "rope_theta");
    row(R"({"rope_theta": 1})", "rope_theta");
    row(R"({"bos_token_id": -1})", "key bos_token_id");
    row(R"({"eos_token_id": 102400})",
        "eos_token_id: expected less than the 102400 of vocab_size, found 102400");
    row(R"({"eos_token_id": ["x"]})", "key eos_token_id");
    row(R"({"norm_topk_prob": 1})", "key norm_topk_prob: expected true or false");
}

void TestConfig::refusesWrongValues()
{
    QFETCH(QByteArray, patch);
    QFETCH(QByteArray, part);
    try {
        from_json(patch.constData());
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        const QByteArray message = error.what();
        QVERIFY2(message.startsWith(QByteArray::fromStdString((m_folder / "config.json").string()) + ": "),
                 error.what());
        QVERIFY2(message.contains(part), error.what());
    }
}

void TestConfig::readsOldAndNewGguf()
{
    QVERIFY(from_gguf(lite_gguf()).notes.empty());

    // Only one published model has V2's shapes, so what its first files leave out has one meaning.
    const auto first_files = [](GgufWriter writer) {
        for (const char* key :
             {"expert_gating_func", "expert_group_count", "expert_group_used_count", "expert_weights_scale"})
            writer.remove(std::string("deepseek2.") + key);
        return writer;
    };
    GgufWriter old = lite_gguf();
    make_v2(old);
    old = first_files(old);
    QVERIFY(equal(from_gguf(old), from_json(v2_patch)));
    QCOMPARE(notes_of(old),
             QStringList({"no expert_gating_func: taken as softmax", "no expert_weights_scale: taken as 16",
                          "no expert_group_count: 3 of 8 groups, as DeepSeek-V2 was trained"}));
    // Other shapes, or another gate: as the keys' absence says.
    old.u32("deepseek2.block_count", 59);
    QCOMPARE(from_gguf(old).topk_method, kernels::TopkMethod::greedy);
    QCOMPARE(from_gguf(old).routed_scaling_factor, 1.0);
    old.u32("deepseek2.block_count", 60);
    old.u32("deepseek2.expert_gating_func", 2);
    QCOMPARE(from_gguf(old).n_group, std::int64_t{1});
    QVERIFY(equal(from_gguf(first_files(lite_gguf())), from_json("{}")));
    QCOMPARE(notes_of(first_files(lite_gguf())),
             QStringList({"no expert_gating_func: taken as softmax", "no expert_weights_scale: taken as 1",
                          "no expert_group_count: taken as 1"}));

    // Keys of groups do not choose the rule by which groups compare; the gate does.
    GgufWriter grouped = lite_gguf();
    grouped.u32("deepseek2.expert_group_count", 8);
    grouped.u32("deepseek2.expert_group_used_count", 4);
    QCOMPARE(from_gguf(grouped).topk_method, kernels::TopkMethod::group_limited_greedy);
    grouped.u32("deepseek2.expert_gating_func", 2);
    QCOMPARE(from_gguf(grouped).topk_method, kernels::TopkMethod::noaux_tc);

    GgufWriter bare = lite_gguf();
    bare.remove("deepseek2.rope.freq_base");
    bare.remove("deepseek2.attention.layer_norm_rms_epsilon");
    QVERIFY(equal(from_gguf(bare), from_json("{}")));
    QCOMPARE(notes_of(bare), QStringList({"no attention.layer_norm_rms_epsilon: taken as 1e-06",
                                          "no rope.freq_base: taken as 10000"}));
    GgufWriter vocabulary = lite_gguf();
    vocabulary.add_token("a", 1);
    QCOMPARE(notes_of(vocabulary),
             QStringList({"no tokenizer.ggml.pre: the vocabulary is split as deepseek-llm does"}));

    // What very old files leave out stands in the shapes of their tensors.
    GgufWriter shapes = lite_gguf();
    for (const char* key : {"vocab_size", "expert_shared_count", "expert_feed_forward_length",
                            "leading_dense_block_count", "attention.kv_lora_rank", "attention.q_lora_rank"})
        shapes.remove(std::string("deepseek2.") + key);
    const auto tensor = [&](const char* name, std::vector<std::int64_t> ne) {
        std::int64_t bytes = 4;
        for (const std::int64_t length : ne)
            bytes *= length;
        shapes.tensor(name, ne, 0, std::string(static_cast<std::size_t>(bytes), '\0'));
    };
    tensor("token_embd.weight", {1, 102400});
    tensor("output.weight", {1, 1});
    tensor("blk.0.attn_q_a.weight", {1, 24});
    tensor("blk.0.attn_kv_a_norm.weight", {20});
    tensor("blk.2.ffn_gate_inp.weight", {1, 64});
    tensor("blk.2.ffn_down_exps.weight", {4, 1, 64});
    tensor("blk.2.ffn_gate_shexp.weight", {1, 8});
    const Config derived = from_gguf(shapes);
    QCOMPARE(derived.vocab_size, std::int64_t{102400});
    QCOMPARE(derived.q_lora_rank, std::int64_t{24});
    QCOMPARE(derived.kv_lora_rank, std::int64_t{20});
    QCOMPARE(derived.first_k_dense_replace, std::int64_t{2});
    QCOMPARE(derived.moe_intermediate_size, std::int64_t{4});
    QCOMPARE(derived.n_shared_experts, std::int64_t{2});
    QVERIFY(!derived.tie_word_embeddings);
    QCOMPARE(derived.notes.size(), std::size_t{6});
    QVERIFY(QString::fromStdString(derived.notes.front())
                .contains(QLatin1String("no vocab_size: 102400 by the tensors' shape")));

    GgufWriter tied = lite_gguf();
    tied.tensor("token_embd.weight", {1, 1}, 0, std::string(4, '\0'));
    QVERIFY(from_gguf(tied).tie_word_embeddings);

    GgufWriter uncorrected = lite_gguf();
    uncorrected.remove("deepseek2.rope.scaling.yarn_log_multiplier");
    QVERIFY(is_near(from_gguf(uncorrected).softmax_scale(), 0.0721687836, 1e-9));
    QVERIFY(notes_of(uncorrected).join(u' ').contains(QLatin1String("the softmax scale is not corrected")));
    GgufWriter coder = lite_gguf();
    coder.f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.1f);
    QVERIFY(is_near(from_gguf(coder).softmax_scale(), 0.1352337789, 1e-9));

    GgufWriter v3 = lite_gguf();
    v3.u32("deepseek2.block_count", 62);
    v3.u32("deepseek2.nextn_predict_layers", 1);
    v3.u32("deepseek2.expert_gating_func", 2);
    v3.boolean("deepseek2.expert_weights_norm", true);
    v3.u32("deepseek2.expert_group_count", 8);
    v3.u32("deepseek2.expert_group_used_count", 4);
    const Config read = from_gguf(v3);
    QCOMPARE(read.num_hidden_layers, std::int64_t{61});
    QCOMPARE(read.topk_method, kernels::TopkMethod::noaux_tc);
    QCOMPARE(read.scoring_func, kernels::ScoringFunction::sigmoid);
    QVERIFY(read.norm_topk_prob);
    QVERIFY(read.notes.empty());

    // Prediction layers that only their tensors tell of, and a key that tells of layers long dropped.
    v3.tensor("token_embd.weight", {1, 102400}, 0, std::string(409600, '\0'));
    v3.tensor("blk.61.attn_norm.weight", {1}, 0, std::string(4, '\0'));
    QCOMPARE(from_gguf(v3).num_hidden_layers, std::int64_t{62});
    QCOMPARE(notes_of(v3), QStringList({"nextn_predict_layers is 1, but block_count does not count them"}));
    v3.tensor("blk.61.nextn.eh_proj.weight", {1}, 0, std::string(4, '\0'));
    QCOMPARE(from_gguf(v3).num_hidden_layers, std::int64_t{61});
    v3.remove("deepseek2.nextn_predict_layers");
    QCOMPARE(from_gguf(v3).num_hidden_layers, std::int64_t{61});
    QCOMPARE(from_gguf(v3).num_nextn_predict_layers, std::int64_t{1});
    QVERIFY(notes_of(v3).join(u' ').contains(QLatin1String("no nextn_predict_layers: 1")));
}

void TestConfig::refusesWrongMetadata_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<qint64>("value"); // -1: absent
    QTest::addColumn<QString>("part");
    for (const char* key :
         {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
          "attention.key_length", "attention.value_length", "attention.kv_lora_rank", "rope.dimension_count",
          "expert_count", "expert_used_count", "expert_feed_forward_length", "vocab_size",
          "rope.scaling.original_context_length"}) {
        const QString name = QStringLiteral("deepseek2.") + QString::fromLatin1(key);
        for (const qint64 value : {qint64{0}, qint64{0xFFFFFFFF}, qint64{-1}})
            QTest::addRow("%s %lld", key, static_cast<long long>(value))
                << name << value << QStringLiteral("key %1: expected ").arg(name);
    }
    const auto row = [](const char* key, qint64 value, const char* part) {
        QTest::addRow("%s %lld other", key, static_cast<long long>(value))
            << QString::fromLatin1(key) << value << QString::fromLatin1(part);
    };
    row("deepseek2.attention.key_length", 64, "expected more than the 64 of rope.dimension_count");
    row("deepseek2.expert_gating_func", 3, "expected 1 (softmax) or 2 (sigmoid), found 3");
    row("deepseek2.expert_group_count", 7, "n_group: expected a divisor");
    row("deepseek2.leading_dense_block_count", 28, "first_k_dense_replace: expected at most 27");
    row("deepseek2.leading_dense_block_count", -1, "key deepseek2.leading_dense_block_count");
    row("deepseek2.nextn_predict_layers", 27, "num_hidden_layers: expected at least 1");
    row("deepseek2.rope.scaling.factor", -1, "key deepseek2.rope.scaling.factor");
    row("general.architecture", -1, "key general.architecture");
    row("tokenizer.ggml.eos_token_id", 102400, "eos_token_id: expected less than");
}

void TestConfig::refusesWrongMetadata()
{
    QFETCH(QString, key);
    QFETCH(qint64, value);
    QFETCH(QString, part);
    GgufWriter writer = lite_gguf();
    if (value < 0)
        writer.remove(key.toStdString());
    else
        writer.u32(key.toStdString(), static_cast<std::uint32_t>(value));
    try {
        from_gguf(writer);
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        QVERIFY2(QString::fromUtf8(error.what()).contains(part), error.what());
    }
}

void TestConfig::readsGoldenModels()
{
    int count = 0;
    for (const golden::Case& c : golden::cases()) {
        const Config config = read_config(format::ModelFiles(c.model));
        QVERIFY(config.parameters() >= config.active_parameters());
        const format::Json run = format::read_json(c.run);
        if (run.contains("softmax_scale"))
            QVERIFY(is_near(config.softmax_scale(), run.at("softmax_scale").get<double>(), 1e-7));
        ++count;
    }
    qInfo("%d golden models", count);
    QVERIFY(count >= 6);
}

QTEST_APPLESS_MAIN(TestConfig)
#include "test_config.moc"
