import KernelContract
import Synchronization

/// By kernel set; 80 ms each, which every run of a sweep would spend.
private let measuredPeaks = Mutex<[String: Double]>([:])

extension KernelSet {
    /// `measuredPeakFlops`, measured once in this process.
    package func knownPeakFlops() -> Double {
        let name = String(describing: Self.self)
        if let known = measuredPeaks.withLock({ $0[name] }) { return known }
        let peak = measuredPeakFlops()
        measuredPeaks.withLock { $0[name] = peak }
        return peak
    }

    /// The FMA peak of one core now, in operations per second: the best of several runs of about 2 ms.
    package func measuredPeakFlops() -> Double {
        var iterations = 1_000
        var best = 0.0
        // Longer and longer until a run lasts 2 ms, which also ends the processor's warm-up.
        for _ in 0..<40 {
            let begin = ContinuousClock.now
            let flops = spinFusedMultiplyAdds(iterations: iterations)
            let seconds = (ContinuousClock.now - begin).seconds
            if seconds < 2e-3 { iterations *= 2 } else { best = max(best, flops / seconds) }
        }
        return best
    }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
