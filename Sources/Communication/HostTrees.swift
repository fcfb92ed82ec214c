import KernelContract

/// The canonical tree of one number of grains, cut by hosts.
struct HostTrees {
    /// By host: its grains, and the maximal subtrees in them.
    let grains: [Range<Int>]
    let nodes: [[CanonicalTree.Node]]
    /// By worker, its maximal subtrees.
    let workerNodes: [[CanonicalTree.Node]]
    private let members: [Range<Int>]

    /// A worker's node, by its number among that worker's.
    struct Leaf {
        let worker, index: Int
        let node: CanonicalTree.Node
    }

    init(_ hosts: Hosts, _ division: GrainDivision, grainCount: Int) {
        members = hosts.members
        workerNodes = division.nodes(grainCount: grainCount)
        let runs = division.runs(grainCount: grainCount)
        grains = hosts.members.map { runs[$0.lowerBound].lowerBound..<runs[$0.upperBound - 1].upperBound }
        nodes = grains.map { CanonicalTree.maximalNodes(in: $0, grainCount: grainCount) }
    }

    /// What `node` of a host consists of.
    func leaves(of node: CanonicalTree.Node, in members: Range<Int>) -> [Leaf] {
        members.flatMap { worker in
            workerNodes[worker].enumerated().filter { node.grains.contains($0.element.first) }.map {
                Leaf(worker: worker, index: $0.offset, node: $0.element)
            }
        }
    }

    /// The nodes of `host` that several of its workers' nodes make up.
    func sumCount(_ host: Int) -> Int {
        nodes[host].count { leaves(of: $0, in: members[host]).count > 1 }
    }
}
