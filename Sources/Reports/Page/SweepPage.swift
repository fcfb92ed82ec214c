import Errors
import Foundation
import Sweeps
import Training

/// The page of a sweep.
struct SweepPage {
    let html: String

    struct ScriptAxis: Codable {
        let name: String
        let low: Double?
        let high: Double?
        let isLogarithmic: Bool
        let choices: [String]
    }

    struct Figures: Codable {
        struct Trial: Codable {
            let number: Int
            let state: String
            let value: Double?
            /// By axis, 0 to 1.
            let places: [Double?]
            /// By parameter that varies: as the forest and the correlation take it.
            let numbers: [Double?]
        }

        struct Parameter: Codable {
            let name: String
            let importance: Double?
            let standardError: Double?
            let rankCorrelation: Double?
        }

        let kind: String
        let name: String
        let metric: String
        let isMaximized: Bool
        let best: Int?
        let axes: [ScriptAxis]
        let trials: [Trial]
        let parameters: [Parameter]
        let explained: Double?
    }

    init(_ path: String, liveVersion: String?, memory: inout PageMemory) {
        do {
            let contents = try SweepDirectory.read(path)
            html = SweepContentsPage(path, contents, liveVersion: liveVersion, memory: &memory).document.html.text
        } catch { html = Self.damaged(path, Failure(wrapping: error), liveVersion: liveVersion) }
    }

    /// What is left of a sweep whose description or store cannot be read: its file and the runs of its trials.
    private static func damaged(_ path: String, _ failure: Failure, liveVersion: String?) -> String {
        let files = FileManager.default
        let folders = ((try? files.contentsOfDirectory(atPath: path)) ?? []).filter {
            $0.hasPrefix("trial-") && RunFolder.isRun("\(path)/\($0)")
        }.sorted()
        let rows: [HTML] = folders.map { folder in
            let summary = RunFolder("\(path)/\(folder)").summary
            return """
                <tr><th scope="row">\(folder)</th><td>\(PageText.percent(summary?.testAccuracy))</td>\
                <td>\(PageText.number(summary?.testLoss))</td><td>\(PageText.number(summary?.epochs.map(Double.init)))</td></tr>
                """
        }
        let text = files.contents(atPath: "\(path)/sweep.yaml").map { String(decoding: $0, as: UTF8.self) } ?? ""
        return PageDocument(
            title: path.fileName, lead: "<p class=\"lead\">a sweep that cannot be read</p>",
            problems: [
                "\(failure.message). The page lacks all that the trials' records say; below is what their folders hold."
            ],
            sections: [
                PageSection(
                    "Folders of trials", id: "trials",
                    """
                    <div class="scroll" role="region" aria-label="Folders of trials" tabindex="0"><table class="numbers">\
                    <caption>\(PageText.plural(folders.count, "folder"))</caption><thead><tr><th scope="col">folder</th>\
                    <th scope="col">test accuracy</th><th scope="col">test loss</th><th scope="col">epochs</th></tr></thead>\
                    <tbody>\(rows)</tbody></table></div>
                    """),
                PageSection("sweep.yaml", id: "file", "<pre tabindex=\"0\">\(text.cut(20_000))</pre>"),
            ], figures: RunPage.json(["kind": "sweep"]), liveVersion: liveVersion
        ).html.text
    }
}
