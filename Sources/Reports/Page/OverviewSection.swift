import Foundation

/// What a run was: results, configuration, machine, and the command that repeats it.
struct OverviewSection {
    let run: RunFolder

    var sections: [PageSection] {
        [PageSection("Result", id: "result", result), PageSection("Configuration", id: "configuration", configuration)]
    }

    /// A line below the title.
    var lead: HTML {
        let state = run.isRunning ? "in training" : run.summary == nil ? "not finished" : "finished"
        let model = run.options?.model.map { " · \($0)" } ?? ""
        let dataset = run.summary?.dataset ?? run.options?.dataset ?? "unknown data"
        return "<p class=\"lead\">\(dataset)\(model) · <strong>\(state)</strong></p>"
    }

    private var result: HTML {
        let summary = run.summary
        var tiles: [(name: String, value: String)] = []
        func add(_ name: String, _ value: Double?, _ text: (Double) -> String) {
            if let value { tiles.append((name, text(value))) }
        }
        let percent: (Double) -> String = { PageText.percent($0) }
        let loss: (Double) -> String = { PageText.number($0, 4) }
        add("test accuracy", summary?.testAccuracy, percent)
        if let scores = summary?.testScores {
            add("test R²", scores.r2) { PageText.fixed($0, 4) }
            add("test rmse", scores.rmse, loss)
            add("test mae", scores.mae, loss)
        }
        add("test loss", summary?.testLoss, loss)
        if let best = summary?.bestEpoch {
            add("best epoch", Double(best)) { PageText.number($0) }
            add("test accuracy of the best", summary?.bestTestAccuracy, percent)
            add("test loss of the best", summary?.bestTestLoss, loss)
            add("test rmse of the best", summary?.bestTestScores?.rmse, loss)
        }
        if let scores = summary?.validationScores {
            add("validation R²", scores.r2) { PageText.fixed($0, 4) }
            add("validation rmse", scores.rmse, loss)
        }
        add("validation accuracy", summary?.validationAccuracy, percent)
        add("validation loss", summary?.validationLoss, loss)
        add("train accuracy", summary?.trainAccuracy, percent)
        add("train loss", summary?.trainLoss, loss)
        add("epochs", summary?.epochs.map(Double.init)) { PageText.number($0) }
        add("steps", summary?.steps.map(Double.init)) { PageText.number($0) }
        if let seconds = summary?.wallSeconds { tiles.append(("time", PageText.duration(seconds))) }
        if summary == nil, let last = run.points.last {
            tiles.append(("last epoch told of", "\(last.epoch)"))
            add("its \(last.split) loss", last.loss, loss)
            add("its \(last.split) accuracy", last.accuracy, percent)
        }
        let items: [HTML] = tiles.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" }
        let warnings: [HTML] = (summary?.warnings ?? []).map { "<li>\($0)</li>" }
        let told: HTML = warnings.isEmpty ? "" : "<p>Warnings of the run:</p><ul>\(warnings)</ul>"
        let early: HTML = summary?.stoppedEarly == true ? "<p>The run ended before its epochs.</p>" : ""
        return "<dl class=\"tiles\">\(items)</dl>\(early)\(told)\(command)\(machine)"
    }

    private var command: HTML {
        guard let command = run.command else { return "" }
        return """
            <h3>The same again</h3><pre class="command" tabindex="0"><code>\(command)</code></pre>
            <p class="hint">It gives the same weights for any number of workers, on any machine.\
            \(run.summary?.parametersSHA256.map { " Their SHA-256 is <code class=\"hash\">\($0)</code>." as HTML } ?? "")</p>
            """
    }

    private var machine: HTML {
        guard let summary = run.summary else { return "" }
        var rows: [(String, String)] = []
        func add(_ name: String, _ value: String?) { if let value { rows.append((name, value)) } }
        add("workers", summary.workers.map { "\($0)\(summary.launcher.map { " (\($0))" } ?? "")" })
        add("hosts", summary.hosts?.joined(separator: ", "))
        add("instruction set", summary.instructionSet)
        add("fastest epoch", summary.trainSamplesPerSecond.map { "\(PageText.number($0.rounded())) samples/s" })
        add("share of the peak of its cores", summary.fractionOfPeak.map { PageText.percent($0, 1) })
        add("numerics version", summary.numericsVersion.map { "\($0)" })
        add("resumed from", summary.resumedFrom)
        return Self.table("Machine", rows)
    }

    private var configuration: HTML {
        guard let options = run.options else {
            guard let text = run.configurationText else { return "<p>It is not known.</p>" }
            return "<p>config.yaml cannot be read; it says:</p><pre tabindex=\"0\">\(text.cut(20_000))</pre>"
        }
        return Self.table("Options", options.given.map { ($0.option, $0.text) })
    }

    static func table(_ caption: String, _ rows: [(String, String)]) -> HTML {
        let lines: [HTML] = rows.map { "<tr><th scope=\"row\">\($0.0)</th><td>\($0.1)</td></tr>" }
        return """
            <div class="scroll" role="region" aria-label="\(caption)" tabindex="0"><table class="settings">\
            <caption>\(caption)</caption><tbody>\(lines)</tbody></table></div>
            """
    }
}
