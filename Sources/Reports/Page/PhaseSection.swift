import Errors
import Foundation

/// Where a step's time goes, of a trace that `bench step --trace` wrote.
struct PhaseSection {
    struct Bar: Codable, Sendable {
        let worker: String
        /// Milliseconds by phase, in the order of their first appearance.
        let phases: [Phase]
    }

    struct Phase: Codable, Sendable {
        let name: String
        let milliseconds: Double
    }

    let bars: [Bar]
    private let names: [String]

    /// Written beside a run's other files, or named.
    static let fileName = "trace.json"

    /// - Throws: `Failure(.data)` for what is no such file.
    init(contentsOf path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Failure(.inputNotFound, "\(path): cannot be read")
        }
        guard let events = try? JSONDecoder().decode([Event].self, from: bytes) else {
            throw Failure(.data, "\(path): is not a trace of lockstep (a JSON list of events)")
        }
        var names: [String] = []
        var sums: [Place: [String: Double]] = [:]
        var titles: [Place: String] = [:]
        var processes: [Int: String] = [:]
        for event in events {
            let place = Place(process: event.pid, thread: event.tid ?? 0)
            switch (event.ph, event.name) {
            case ("M", "process_name"): processes[event.pid] = event.args?.name
            case ("M", "thread_name"): titles[place] = event.args?.name
            case ("X", let name) where event.cat == "phase":
                if !names.contains(name) { names.append(name) }
                sums[place, default: [:]][name, default: 0] += (event.dur ?? 0) / 1_000
            default: break
            }
        }
        guard !sums.isEmpty else { throw Failure(.data, "\(path): holds no phase of a step") }
        self.names = names
        bars = sums.keys.sorted { ($0.process, $0.thread) < ($1.process, $1.thread) }.map { place in
            let process = processes[place.process].map { "\($0), " } ?? ""
            return Bar(
                worker: process + (titles[place] ?? "worker \(place.thread)"),
                phases: names.compactMap { name in sums[place]?[name].map { Phase(name: name, milliseconds: $0) } })
        }
    }

    private struct Event: Decodable {
        struct Arguments: Decodable {
            let name: String?
        }

        let name: String
        let cat: String?
        let ph: String
        let dur: Double?
        let pid: Int
        let tid: Int?
        let args: Arguments?
    }

    private struct Place: Hashable {
        let process: Int
        let thread: Int
    }

    var section: PageSection {
        let greatest = bars.map { $0.phases.reduce(0) { $0 + $1.milliseconds } }.max() ?? 1
        let rows: [HTML] = bars.map { bar in
            let total = bar.phases.reduce(0) { $0 + $1.milliseconds }
            var place = 0.0
            let parts: [HTML] = bar.phases.map { phase in
                let style = (names.firstIndex(of: phase.name) ?? 0) % 8
                let width = phase.milliseconds / greatest * 1_000
                defer { place += width }
                return """
                    <rect class="f\(style)" x="\(place)" y="2" width="\(width)" height="26"><title>\(phase.name): \
                    \(PageText.number(phase.milliseconds)) ms, \(PageText.percent(phase.milliseconds / total, 1))</title></rect>
                    """
            }
            return """
                <p class="worker">\(bar.worker)</p><svg class="strip" viewBox="0 0 1000 30" preserveAspectRatio="none" \
                role="img" aria-label="\(bar.worker): \(PageText.number(total)) ms">\(parts)</svg>
                """
        }
        let head: [HTML] = names.map { "<th scope=\"col\">\($0)</th>" }
        let table: [HTML] = bars.map { bar in
            let cells: [HTML] = names.map { name in
                "<td>\(PageText.number(bar.phases.first { $0.name == name }?.milliseconds))</td>"
            }
            return "<tr><th scope=\"row\">\(bar.worker)</th>\(cells)</tr>"
        }
        let legend: [HTML] = names.enumerated().map { index, name in
            "<li><span class=\"swatch b\(index % 8)\"></span>\(name)</li>"
        }
        return PageSection(
            "Time by phase", id: "phases",
            """
            \(rows)<ul class="legend">\(legend)</ul>
            <div class="scroll" role="region" aria-label="Time by phase" tabindex="0"><table class="numbers">\
            <caption>Milliseconds of the traced steps, by worker and phase</caption><thead><tr><th scope="col">worker</th>\
            \(head)</tr></thead><tbody>\(table)</tbody></table></div>
            """)
    }

    static let missing = PageSection(
        "Time by phase", id: "phases",
        """
        <p class="hint">A run records no phases, so that nothing slows it. To see them, measure the same model by \
        <code>lockstep bench step --trace trace.json</code>, and put the file into the run's folder, or name it by \
        <code>--trace</code>.</p>
        """)
}
