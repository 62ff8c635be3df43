// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/branch_model.h"
#include "ui/engine_bridge.h"
#include "ui/settings.h"

#include <QObject>

#include <utility>

namespace ui {

// How much of the context the conversation on the screen takes, and what of it the model did not see.
class ContextUse : public QObject
{
    Q_OBJECT

public:
    // All of them outlive this object.
    ContextUse(EngineBridge& engine, const Answers& answers, const Settings& settings,
               const BranchModel& branch, QObject* parent = nullptr);

    // Nothing is known any more; count() asks for it.
    void forget(qint64 conversation);
    void adopt(qint64 conversation) { m_conversation = conversation; } // what was 0 has become this one
    void count();                                                      // changed() when it is known

    qint64 used() const;  // tokens
    double bytes() const; // of the latent cache that these take
    // The rows that the model did not see any more when it wrote its latest answer, the second not included;
    // both 0 where it saw all.
    std::pair<qint64, qint64> leftOut() const;

signals:
    void changed();

private:
    EngineBridge& m_engine;
    const Answers& m_answers;
    const Settings& m_settings;
    const BranchModel& m_branch;
    qint64 m_conversation = 0;
    qint64 m_counted = -1; // tokens of this conversation; -1: not counted
    // leftOut() of the answer with that id, whose content may have been let go since.
    mutable std::pair<qint64, std::pair<qint64, qint64>> m_left_out;
};

} // namespace ui
