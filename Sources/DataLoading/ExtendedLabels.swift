/// QMNIST's extended labels, `[count, 8]`: which writer of NIST's Special Database 19 wrote each digit.
package struct ExtendedLabels: Sendable, Equatable {
    package static let columnCount = 8

    package enum Column: Int, Sendable, CaseIterable {
        /// 0 to 9
        case label
        /// Of NIST's forms: 0 to 3 by employees, 4 by students of high schools.
        case series
        case writer
        /// Of the digit among its writer's.
        case indexOfWriter
        /// NIST's code of the class, in hexadecimal digits: 30 to 39.
        case classCode
        /// Of the digit in NIST's whole set.
        case globalIndex
        /// The digit that this one repeats, or 0.
        case duplicateOf
        case unused
    }

    /// Row-major.
    let rows: [Int32]

    package var count: Int { rows.count / Self.columnCount }

    package func value(_ column: Column, of sample: Int) -> Int32 {
        precondition(sample >= 0 && sample < count, "ExtendedLabels: sample \(sample) is outside 0..<\(count)")
        return rows[sample * Self.columnCount + column.rawValue]
    }

    package func values(of column: Column) -> [Int32] {
        stride(from: column.rawValue, to: rows.count, by: Self.columnCount).map { rows[$0] }
    }

    func selecting(_ samples: [Int32]) -> ExtendedLabels {
        ExtendedLabels(
            rows: samples.flatMap { rows[Int($0) * Self.columnCount..<(Int($0) + 1) * Self.columnCount] })
    }
}

/// Labels of a part.
package struct PartLabels: Sendable, Equatable {
    package let classes: [UInt8]
    /// Where the file says more than the class.
    package let origins: ExtendedLabels?
}
