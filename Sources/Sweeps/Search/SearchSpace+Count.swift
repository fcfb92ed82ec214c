extension SearchSpace {
    /// The number of different configurations, if there are at most `limit`; nil where there are more, or no end of
    /// them.
    package func count(limit: Int = 1 << 40) -> Int? {
        let sizes = dimensions.map { dimension -> Int? in
            switch dimension.domain {
            case .choices(let choices): choices.values.count
            case .range(let distribution): distribution.values(limit: 100_000)?.count
            }
        }
        guard !sizes.contains(nil) else { return nil }
        let isParent = dimensions.indices.map { index in
            dimensions.contains { $0.conditions.contains { $0.parent == index } }
        }
        // Only what conditions ask for is gone through value by value.
        func count(from index: Int, _ point: SearchPoint, _ active: [Bool], limit: Int) -> Int? {
            guard index < dimensions.count else { return 1 }
            var active = active
            active[index] = isActive(index, point, active)
            guard active[index] else { return count(from: index + 1, point, active, limit: limit) }
            let size = sizes[index]!
            guard isParent[index] else {
                return count(from: index + 1, point, active, limit: limit / size).map { $0 * size }
            }
            var sum = 0
            for position in positions(of: index) {
                var point = point
                point.positions[index] = position
                guard let part = count(from: index + 1, point, active, limit: limit - sum) else { return nil }
                sum += part
                guard sum <= limit else { return nil }
            }
            return sum
        }
        let start = SearchPoint([Double](repeating: 0, count: dimensions.count))
        let active = [Bool](repeating: true, count: dimensions.count)
        return count(from: 0, start, active, limit: limit).flatMap { $0 <= limit ? $0 : nil }
    }

    /// Every position of a dimension with finitely many values.
    func positions(of index: Int) -> [Double] {
        switch dimensions[index].domain {
        case .choices(let choices): choices.values.indices.map(Double.init)
        case .range(let distribution): distribution.values(limit: 100_000) ?? []
        }
    }

    /// Every configuration of a finite space once, the last dimension changing fastest, until `visit` returns false.
    func forEachPoint(_ visit: (SearchPoint) -> Bool) {
        let positions = dimensions.indices.map { self.positions(of: $0) }
        var point = SearchPoint(positions.map { $0[0] })
        var active = [Bool](repeating: true, count: dimensions.count)
        func walk(_ index: Int) -> Bool {
            guard index < dimensions.count else { return visit(point) }
            active[index] = isActive(index, point, active)
            guard active[index] else {
                point.positions[index] = positions[index][0]
                return walk(index + 1)
            }
            for position in positions[index] {
                point.positions[index] = position
                guard walk(index + 1) else { return false }
            }
            return true
        }
        _ = walk(0)
    }
}
