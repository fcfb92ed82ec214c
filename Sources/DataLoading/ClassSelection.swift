import Errors

/// Which classes of a data set are meant and what they become: `0,1` keeps two classes, which become 0 and 1;
/// `0+2+4,1+3` makes two classes of five.
package struct ClassSelection: Sendable, Equatable {
    /// New classes: the old ones of each.
    package let groups: [[Int]]

    package init(groups: [[Int]]) { self.groups = groups }

    /// Old classes are numbers or names.
    package init(_ text: String, classNames: [String], classCount: Int) throws {
        var seen: Set<Int> = []
        groups = try text.split(separator: ",", omittingEmptySubsequences: false).map { group in
            try group.split(separator: "+", omittingEmptySubsequences: false).map { word in
                let word = word.trimmingBlanks
                let known = classNames.firstIndex { $0.lowercased() == word.lowercased() }
                guard let label = known ?? Int(word), (0..<classCount).contains(label) else {
                    let names = classNames.isEmpty ? "0 to \(classCount - 1)" : classNames.joined(separator: ", ")
                    throw Failure(.usage, "--classes \(text): \"\(word)\" is no class; there are \(names)")
                }
                guard seen.insert(label).inserted else {
                    throw Failure(.usage, "--classes \(text): class \(word) is there twice")
                }
                return label
            }
        }
    }

    package func classNames(of old: [String]) -> [String] {
        old.isEmpty ? [] : groups.map { group in group.map { old[$0] }.joined(separator: "+") }
    }

    /// The samples of these classes, in their order, with new labels.
    package func apply(to images: LabelledImages) throws -> LabelledImages {
        var newLabels = [UInt8?](repeating: nil, count: images.classCount)
        for (new, group) in groups.enumerated() {
            for old in group { newLabels[old] = UInt8(new) }
        }
        let samples = images.labels.indices.filter { newLabels[Int(images.labels[$0])] != nil }.map { Int32($0) }
        let selected = try images.selecting(samples)
        return selected.relabelled(selected.labels.map { newLabels[Int($0)]! }, classCount: groups.count)
    }
}

extension ImageDataset {
    /// All parts with these classes only, relabelled.
    ///
    /// - Throws: `Failure(.usage)` for a class that does not exist, `Failure(.data)` where a part has no sample left.
    package func selecting(classes text: String) throws -> ImageDataset {
        let selection = try ClassSelection(text, classNames: classNames, classCount: classCount)
        func select(_ images: LabelledImages, _ part: DatasetPart) throws -> LabelledImages {
            let selected = try selection.apply(to: images)
            guard selected.count > 0 else {
                throw Failure(.data, "--classes \(text): the \(part.rawValue) part of \(name) has no sample of them")
            }
            return selected
        }
        return ImageDataset(
            name: name, train: try select(train, .train), test: try select(test, .test),
            validation: try validation.map { try select($0, .validation) },
            classNames: selection.classNames(of: classNames))
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
