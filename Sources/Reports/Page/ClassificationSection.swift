import DataLoading
import Training

/// What a page says of a classifier on its test set; the numbers are the page's JSON too.
struct ClassificationSection: Sendable {
    struct Figures: Codable, Sendable {
        let dataset: String
        let checkpoint: String
        let parametersSHA256: String
        let sampleCount: Int
        let accuracy: RateInterval?
        let logLoss: Double?
        let classNames: [String]
        let confusionMatrix: [[Int]]
        let classes: [ClassScore]
        /// Mean of the classes that have one.
        let macroF1: Double?
        let calibration: Calibration?
        /// By "class,predicted": place in the sheet, number of the sample, confidence.
        let mistakes: [String: [Mistake]]
        let sheet: Sheet?
    }

    struct Mistake: Codable, Sendable {
        let place: Int
        let sample: Int
        let confidence: Double?
    }

    struct Sheet: Codable, Sendable {
        let columns: Int
        let width: Int
        let height: Int
    }

    let figures: Figures
    private let samples: ClassifiedSamples
    private let pictures: MistakePictures

    /// More classes than these have no matrix, but the list of their commonest confusions.
    private static let matrixLimit = 50
    private static let surestCount = 24

    init(_ outcome: NetworkOutcome, _ samples: ClassifiedSamples, _ images: LabelledImages, dataset: String) {
        self.samples = samples
        let mistakes = samples.mistakes
        let pictures = MistakePictures(samples, images, mistakes: mistakes)
        self.pictures = pictures
        let matrix = samples.confusionMatrix
        let classes = ClassScore.all(matrix, names: samples.names)
        let f1 = classes.compactMap(\.f1?.value)
        var listed: [String: [Mistake]] = [:]
        for (cell, entries) in pictures.cells {
            listed["\(cell.label),\(cell.prediction)"] = entries.map {
                Mistake(place: $0.place, sample: $0.sample, confidence: samples.confidence($0.sample))
            }
        }
        figures = Figures(
            dataset: dataset, checkpoint: outcome.checkpoint, parametersSHA256: outcome.parametersSHA256,
            sampleCount: samples.count, accuracy: RateInterval(samples.count - mistakes.count, of: samples.count),
            logLoss: samples.logLoss, classNames: samples.names, confusionMatrix: matrix, classes: classes,
            macroF1: f1.isEmpty ? nil : f1.reduce(0, +) / Double(f1.count), calibration: samples.calibration,
            mistakes: listed,
            sheet: pictures.sheet.map {
                Sheet(columns: $0.columns, width: $0.width * $0.zoom, height: $0.height * $0.zoom)
            })
    }

    var style: HTML { pictures.sheet?.style("mistake") ?? "" }

    var sections: [PageSection] {
        [
            PageSection("Confusion matrix", id: "confusion", confusion),
            PageSection("Classes", id: "classes", classTable),
        ] + (figures.calibration.map { [PageSection("Calibration", id: "calibration", calibration($0))] } ?? [])
            + (pictures.sheet == nil ? [] : [PageSection("Surest mistakes", id: "surest", surest)])
    }

    private var confusion: HTML {
        let wrong = samples.isRight.count { !$0 }
        let rule: HTML = """
            <p class="hint">Pictures are at most \(pictures.limit) a cell, the surest mistakes first\
            \(samples.probabilities == nil ? " (here: the first of the file, as the outputs are no probabilities)" : "").</p>
            """
        let head: HTML = """
            <p>\(PageText.plural(samples.count, "test image")), \(PageText.plural(wrong, "mistake")).</p>
            """
        let panel: HTML = """
            <div id="mistakes" class="mistakes" aria-live="polite" tabindex="-1"><p class="hint">\
            Choose a cell to see its pictures.</p></div>
            """
        guard samples.classCount <= Self.matrixLimit else { return head + rule + commonest + panel }
        let columns: [HTML] = samples.names.map { "<th scope=\"col\"><span class=\"tilt\">\($0.cut(24))</span></th>" }
        let rows: [HTML] = figures.confusionMatrix.enumerated().map { label, row in
            let total = row.reduce(0, +)
            let cells: [HTML] = row.enumerated().map { cell(label, $0, $1, of: total) }
            return
                "<tr><th scope=\"row\">\(samples.names[label].cut(24))</th>\(cells)<td class=\"sum\">\(total)</td></tr>"
        }
        return head + """
            <p class="choice" role="radiogroup" aria-label="Cells show"><label><input type="radio" name="cells" \
            value="counts" checked> counts</label> <label><input type="radio" name="cells" value="rates"> \
            percent of the class</label></p>
            <div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0"><table class="matrix" id="matrix">
            <caption>Rows are true classes, columns what the network took them for. A cell off the diagonal opens the \
            pictures behind it; arrow keys move between cells.</caption>
            <thead><tr><td></td>\(columns)<th scope="col">all</th></tr></thead><tbody>\(rows)</tbody></table></div>
            \(rule)\(panel)
            """
    }

    private func cell(_ label: Int, _ prediction: Int, _ count: Int, of total: Int) -> HTML {
        let share = total > 0 ? Double(count) / Double(total) : 0
        let numbers: HTML = """
            <span class="n">\(count)</span><span class="r">\(PageText.fixed(share * 100, 1))</span>
            """
        let isRight = label == prediction
        // Errors are rare: the root shows them.
        let depth = PageText.fixed(isRight ? share : share.squareRoot(), 3)
        let kind = isRight ? "right" : "wrong"
        let style: HTML = "class=\"\(kind)\(share > (isRight ? 0.6 : 0.36) ? " deep" : "")\" style=\"--d:\(depth)\""
        guard !isRight, count > 0 else {
            return "<td \(count > 0 ? style : "class=\"zero\"")>\(numbers)</td>"
        }
        let words =
            "\(samples.names[label]) taken for \(samples.names[prediction]): \(count) of \(total), "
            + "\(PageText.percent(share, 1))"
        return """
            <td \(style)><button type="button" data-cell="\(label),\(prediction)" title="\(words)" \
            aria-label="\(words); show pictures">\(numbers)</button></td>
            """
    }

    /// Of many classes: the cells with most mistakes.
    private var commonest: HTML {
        var cells: [(label: Int, prediction: Int, count: Int)] = []
        for (label, row) in figures.confusionMatrix.enumerated() {
            for (prediction, count) in row.enumerated() where label != prediction && count > 0 {
                cells.append((label, prediction, count))
            }
        }
        cells.sort { ($1.count, $0.label, $0.prediction) < ($0.count, $1.label, $1.prediction) }
        let rows: [HTML] = cells.prefix(200).map { cell in
            let words = "\(samples.names[cell.label]) taken for \(samples.names[cell.prediction])"
            return """
                <tr><th scope="row">\(samples.names[cell.label])</th><td>\(samples.names[cell.prediction])</td><td>\
                <button type="button" data-cell="\(cell.label),\(cell.prediction)" \
                aria-label="\(words): \(cell.count); show pictures">\(cell.count)</button></td></tr>
                """
        }
        return """
            <div class="scroll" role="region" aria-label="Commonest confusions" tabindex="0"><table id="matrix">\
            <caption>\(samples.classCount) classes are too many for a matrix: the commonest confusions, at most 200</caption>
            <thead><tr><th scope="col">class</th><th scope="col">taken for</th><th scope="col">images</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private var classTable: HTML {
        func text(_ interval: RateInterval?) -> HTML {
            guard let interval else { return "<td>\(PageText.none)</td>" }
            return """
                <td>\(PageText.fixed(interval.value * 100, 1)) <span class="range">\
                \(PageText.fixed(interval.low * 100, 1))–\(PageText.fixed(interval.high * 100, 1))</span></td>
                """
        }
        let rows: [HTML] = figures.classes.map { score in
            """
            <tr><th scope="row">\(score.name)</th><td>\(PageText.number(Double(score.support)))</td>\
            <td>\(PageText.number(Double(score.predictedCount)))</td>\
            \(text(score.precision))\(text(score.recall))\(text(score.f1))</tr>
            """
        }
        return """
            <p>Accuracy \(PageText.percent(figures.accuracy?.value)) \
            (\(PageText.fixed((figures.accuracy?.low ?? 0) * 100, 2))–\(PageText.percent(figures.accuracy?.high))), \
            mean F1 of the classes \(PageText.percent(figures.macroF1))\
            \(figures.logLoss.map { ", mean −ln of the true class's probability \(PageText.number($0, 5))" } ?? "").</p>
            <div class="scroll" role="region" aria-label="Classes" tabindex="0"><table class="numbers">\
            <caption>In percent, with 95 % confidence intervals</caption>
            <thead><tr><th scope="col">class</th><th scope="col">images</th><th scope="col">predicted</th>\
            <th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div>
            <p class="hint">Intervals of precision, recall and accuracy are Wilson's. F1 = 2 J / (1 + J) rises with J = true \
            positives / (images of the class or taken for it); its interval is Wilson's of J, carried over.</p>
            """
    }

    private func calibration(_ calibration: Calibration) -> HTML {
        let axis = Axis("confidence in %", covering: [0, 100])
        let yAxis = Axis("right in %", covering: [0, 100])
        let frame = ChartFrame(xAxis: axis, yAxis: yAxis)
        let bars: [HTML] = calibration.bins.map { bin in
            guard let accuracy = bin.accuracy, let confidence = bin.meanConfidence else { return "" }
            let (left, right) = (frame.x(bin.low * 100), frame.x(bin.high * 100))
            let words =
                "confidence \(PageText.fixed(bin.low * 100, 1)) to \(PageText.fixed(bin.high * 100, 1)) %: "
                + "\(PageText.plural(bin.count, "image")), mean confidence \(PageText.percent(confidence, 1)), right "
                + PageText.percent(accuracy, 1)
            let top = frame.y(accuracy * 100)
            return """
                <rect class="bar f0" x="\(left + 1)" y="\(top)" width="\(right - left - 2)" \
                height="\(frame.y(0) - top)"><title>\(words)</title></rect>\
                <path class="tick p1" d="M\(left + 1) \(frame.y(confidence * 100))H\(right - 1)"/>
                """
        }
        let rows: [HTML] = calibration.bins.filter { $0.count > 0 }.map { bin in
            """
            <tr><th scope="row">\(PageText.fixed(bin.low * 100, 1))–\(PageText.fixed(bin.high * 100, 1))</th>\
            <td>\(bin.count)</td><td>\(PageText.fixed(bin.meanConfidence.map { $0 * 100 }, 2))</td>\
            <td>\(PageText.fixed(bin.accuracy.map { $0 * 100 }, 2))</td></tr>
            """
        }
        let diagonal: HTML = "<path class=\"diagonal\" d=\"M\(frame.point(0, 0))L\(frame.point(100, 100))\"/>"
        return """
            <p>Expected calibration error \(PageText.percent(calibration.expectedError)), greatest of a bin \
            \(PageText.percent(calibration.greatestError)); \(Calibration.binCount) bins of equal width.</p>
            <figure class="chart"><figcaption>Reliability</figcaption>
            \(frame.svg(title: "Reliability", description: "How often predictions of each confidence are right; "
                + "bars below the diagonal are too sure.", content: bars + [diagonal]))
            <ul class="legend"><li><span class="swatch b0"></span>right</li>\
            <li><span class="swatch b1"></span>mean confidence</li></ul>
            <details><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="Reliability">\
            <table><caption>Reliability, in %</caption><thead><tr><th scope="col">confidence</th>\
            <th scope="col">images</th><th scope="col">mean confidence</th><th scope="col">right</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div></details></figure>
            """
    }

    private var surest: HTML {
        guard let sheet = pictures.sheet else { return "" }
        let figures: [HTML] = pictures.surest(Self.surestCount).map { cell, entry in
            let (label, prediction) = (samples.names[cell.label], samples.names[cell.prediction])
            let sure = samples.confidence(entry.sample).map { ", \(PageText.percent($0, 1))" } ?? ""
            return """
                <figure class="mistake-figure">\(sheet.sprite(
                    entry.place, name: "mistake", label: "test image \(entry.sample): \(label) taken for \(prediction)"))\
                <figcaption>\(label) → \(prediction)\(sure)</figcaption></figure>
                """
        }
        return """
            <p>Wrong predictions with the greatest probability: mistakes of the network, or of the labels.</p>
            <div class="gallery">\(figures)</div>
            """
    }
}
