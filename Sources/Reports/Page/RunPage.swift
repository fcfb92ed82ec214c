import DataLoading
import Errors
import Foundation
import Models
import Training

/// The page of one run.
struct RunPage {
    let html: String
    let samples: ClassifiedSamples?

    struct Figures: Codable {
        let kind: String
        let name: String
        let summary: RunFolder.Summary?
        let classification: ClassificationSection.Figures?
        let reconstruction: ReconstructionSection.Figures?
        let regression: RegressionSection.Figures?
        let phases: [PhaseSection.Bar]?
    }

    init(_ path: String, options: ReportOptions, data: ReportData, memory: inout PageMemory) {
        var run = RunFolder(path, history: memory.history(of: path))
        let isScored = !(options.isLive && run.isRunning)
        let evaluated = isScored ? data.evaluate(&run) : nil
        let overview = OverviewSection(run: run)
        let curves = CurveSection(run: run, showsWeights: evaluated != nil)
        var sections = overview.sections.prefix(1) + [curves.section].compactMap { $0 }
        var classification: ClassificationSection?
        var reconstruction: ReconstructionSection?
        var regression: RegressionSection?
        samples = evaluated.flatMap { ClassifiedSamples($0.outcome, $0.data.test, names: $0.data.classNames) }
        if let (outcome, data) = evaluated {
            if let samples {
                classification = ClassificationSection(outcome, samples, data.test, dataset: data.name)
            } else if let columns = data.columns {
                regression = RegressionSection(outcome, data.test, names: columns.targets, dataset: data.name)
            } else {
                reconstruction = ReconstructionSection(
                    outcome, data.test, dataset: data.name, classNames: data.classNames,
                    pcaLoss: run.summary?.pcaTestLoss)
            }
        }
        sections += (classification?.sections ?? []) + (reconstruction?.sections ?? []) + (regression?.sections ?? [])
        if let evaluated { sections.append(WeightSection(evaluated.outcome).section) }
        if !isScored { sections.append(Self.unscored) }
        let phases = Self.phases(&run, options)
        sections.append(phases?.section ?? PhaseSection.missing)
        sections += overview.sections.dropFirst()
        let figures = Figures(
            kind: "run", name: run.name, summary: run.summary, classification: classification?.figures,
            reconstruction: reconstruction?.figures, regression: regression?.figures, phases: phases?.bars)
        html =
            PageDocument(
                title: run.name, lead: overview.lead, problems: run.problems, sections: Array(sections),
                style: classification?.style ?? "", figures: Self.json(figures), liveVersion: options.liveVersion
            ).html.text
    }

    private static let unscored = PageSection(
        "Scores", id: "scores",
        """
        <p class="hint">What needs the weights comes when the run ends: the confusion matrix, the scores of each class, \
        calibration and mistakes, or reconstructions, and the first layer in pictures. Until then nothing is scored, so that \
        nothing slows the run.</p>
        """)

    private static func phases(_ run: inout RunFolder, _ options: ReportOptions) -> PhaseSection? {
        let own = "\(run.path)/\(PhaseSection.fileName)"
        guard options.trace != nil || FileManager.default.fileExists(atPath: own) else { return nil }
        do { return try PhaseSection(contentsOf: options.trace ?? own) } catch {
            run.add(problem: Failure(wrapping: error).message)
            return nil
        }
    }

    /// Numbers and names always encode.
    static func json(_ figures: some Encodable) -> String {
        do { return try figures.json() } catch { preconditionFailure("RunPage: \(error)") }
    }
}
