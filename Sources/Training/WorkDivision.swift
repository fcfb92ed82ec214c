import Communication
import KernelContract

/// How the work of a step is divided among workers: grains before they exchange gradients, parameters behind that. No bit
/// depends on it.
package struct WorkDivision: Hashable, Sendable {
    package let grains: GrainDivision
    /// By worker, its part of what all parameters cost their owners, in any unit.
    package let shares: [Double]

    package static func even(_ workerCount: Int) -> WorkDivision {
        WorkDivision(grains: .even(workerCount), shares: [Double](repeating: 1, count: workerCount))
    }

    /// By the workers' relative speeds.
    package init(speeds: [Double]) { self.init(grains: GrainDivision(costs: speeds.map { 1 / $0 }), shares: speeds) }

    package init(grains: GrainDivision, shares: [Double]) {
        precondition(
            grains.workerCount == shares.count, "WorkDivision: \(shares.count) shares for \(grains.workerCount)")
        self.grains = grains
        self.shares = shares
    }

    /// Worker 0's, on all. Collective.
    func broadcast(_ communicator: borrowing Communicator) throws -> WorkDivision {
        let costs = grains.isEven ? shares.map { _ in 0 } : grains.costs
        let hosts = communicator.hostMembers
        let values = try communicator.broadcast([Double(grains.unit)] + costs + shares, root: 0)
        let (agreedCosts, agreedShares) = (Array(values[1...costs.count]), Array(values[(costs.count + 1)...]))
        return WorkDivision(
            grains: agreedCosts[0] == 0
                ? .even(costs.count) : GrainDivision(costs: agreedCosts, groups: hosts, unit: Int(values[0])),
            shares: agreedShares)
    }
}
