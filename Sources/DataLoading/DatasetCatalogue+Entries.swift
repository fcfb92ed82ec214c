// Checksums of archives are quoted from where their comment says; those of contents were computed from the files of
// Debian's package and of MNIST and QMNIST.
extension DatasetCatalogue {
    private static let digits = (0..<10).map(String.init)
    private static let tensorFlow = "TensorFlow Datasets"
    private static let torchvision = "torchvision"

    package static let entries = [
        Entry(
            name: "fashion-mnist", title: "Articles of clothing from Zalando",
            classNames: [
                "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                "Ankle boot",
            ],
            systemFolders: ["/usr/share/datasets/fashion-mnist"],
            installHint: "install it (Debian: apt-get install dataset-fashion-mnist) or get it: lockstep data fetch "
                + "fashion-mnist",
            testLabelsCRC32: 0x242b_c73f,
            files: idxFiles(
                [
                    (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
                    (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                    (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
                    (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
                ],
                contents: [
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                ]),
            mirrors: [
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ],
            license: "MIT", citation: "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747 (2017)"),
        Entry(
            name: "mnist", title: "Handwritten digits", classNames: digits,
            installHint:
                "get it: lockstep data fetch mnist; or put its four files into one of them, or name their folder: "
                + "--dataset DIR",
            testLabelsCRC32: 0xee86_04d9,
            files: idxFiles(
                [
                    (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
                    (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                    (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
                    (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
                ],
                contents: [
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ]),
            mirrors: [
                "https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "http://yann.lecun.com/exdb/mnist/",
            ],
            license: "CC BY-SA 3.0 (as Keras states it)",
            citation: "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998)"),
        Entry(
            name: "kmnist", title: "Kuzushiji: cursive Japanese characters",
            classNames: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
            installHint: "get it: lockstep data fetch kmnist; or name its folder: --dataset DIR",
            files: idxFiles([
                (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
                (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
                (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
                (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
            ]),
            mirrors: [
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ],
            license:
                "CC BY-SA 4.0; \"KMNIST Dataset\" (created by CODH), adapted from \"Kuzushiji Dataset\" (created by "
                + "NIJL and others), doi:10.20676/00000341",
            citation: "Clanuwat et al.: Deep Learning for Classical Japanese Literature, arXiv:1812.01718 (2018)"),
        qmnist("qmnist", "MNIST with its writers; all 60,000 test digits", nil),
        qmnist("qmnist-10k", "QMNIST, tested on MNIST's 10,000 test digits", 0..<10_000),
        qmnist("qmnist-50k", "QMNIST, tested on the 50,000 digits that MNIST left out", 10_000..<60_000),
        nist(
            "qmnist-nist", "All of NIST's digits: series 0 to 3 to train on, 4 as test",
            SeriesDivision(train: [0, 1, 2, 3], test: [4])),
        nist("qmnist-nist-all", "All of NIST's 402,953 digits in one part", nil),
    ]

    /// QMNIST's files of all digits. Its README says which series were NIST's official training and testing data.
    private static func nist(_ name: String, _ title: String, _ division: SeriesDivision?) -> Entry {
        Entry(
            name: name, title: title, classNames: digits,
            installHint: "get it: lockstep data fetch qmnist-nist", folderName: "qmnist", division: division,
            filePrefix: "xnist",
            files: [
                File(
                    "xnist-images-idx3-ubyte.xz", byteCount: nil,
                    checksum: .md5("7f124b3b8ab81486c9d8c2749c17f834", source: torchvision)),
                File(
                    "xnist-labels-idx2-int.xz", byteCount: nil,
                    checksum: .md5("5ed0e788978e45d4a8bd4b7caec3d79d", source: torchvision)),
            ],
            mirrors: qmnistMirrors, license: qmnistLicense, citation: qmnistCitation)
    }

    private static let qmnistMirrors = ["https://raw.githubusercontent.com/facebookresearch/qmnist/master/"]
    private static let qmnistLicense = "BSD-style (its repository's LICENSE)"
    private static let qmnistCitation = "Yadav, Bottou: Cold Case: The Lost MNIST Digits, NeurIPS 32 (2019)"

    private static func qmnist(_ name: String, _ title: String, _ rows: Range<Int>?) -> Entry {
        Entry(
            name: name, title: title, classNames: digits,
            installHint: "get it: lockstep data fetch qmnist; or name its folder: --dataset DIR", folderName: "qmnist",
            testRows: rows,
            files: [
                File(
                    "qmnist-train-images-idx3-ubyte.gz", byteCount: nil,
                    checksum: .md5("ed72d4157d28c017586c42bc6afe6370", source: torchvision)),
                File(
                    "qmnist-train-labels-idx2-int.gz", byteCount: 463_024,
                    checksum: .md5("0058f8dd561b90ffdd0f734c6a30e5e4", source: torchvision),
                    contentSHA256: "bb1b6e1ec7b04fd5696f1ed50b5f58f8ef195118edd5c93c81783df9740b8ac5"),
                File(
                    "qmnist-test-images-idx3-ubyte.gz", byteCount: nil,
                    checksum: .md5("1394631089c404de565df7b7aeaf9412", source: torchvision)),
                File(
                    "qmnist-test-labels-idx2-int.gz", byteCount: 526_800,
                    checksum: .md5("5b5b05890a5e13444e108efe57b788aa", source: torchvision),
                    contentSHA256: "92d0ccb8c25f9c6534270fb4be7e1d24a1c6d315edfc8a638bfbd31c70f362dd"),
            ],
            mirrors: qmnistMirrors, license: qmnistLicense, citation: qmnistCitation)
    }

    /// The four archives that MNIST and its kind have: train images, train labels, test images, test labels.
    private static func idxFiles(_ archives: [(byteCount: Int, sha256: String)], contents: [String?] = []) -> [File] {
        let names = [
            "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ]
        return zip(names, archives).enumerated().map { index, file in
            File(
                file.0, byteCount: file.1.byteCount, checksum: .sha256(file.1.sha256, source: tensorFlow),
                contentSHA256: contents.isEmpty ? nil : contents[index])
        }
    }
}
