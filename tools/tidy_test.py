#!/usr/bin/env python3
"""Unit tests of tools/tidy: each rule on a sample that breaks it and on one that keeps it.

    python3 tools/tidy_test.py
"""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def load(name):
    loader = importlib.machinery.SourceFileLoader("tool_" + name.replace("-", "_"), str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


tidy = load("tidy")
wrap = load("wrap-comments")
licences = load("licences")
completion = load("complete-lock")
runner = load("test")
from tidylib.source import Source  # noqa: E402

DOC = "#pragma once\n/// What this header is for, in one sentence.\n\n"


def rules_broken(path, text, warnings=False):
    return sorted({f.rule for f in tidy.check_file(path, text) if warnings or not f.warning})


class RuleTest(unittest.TestCase):
    def breaks(self, rule, path, text):
        self.assertIn(rule, rules_broken(path, text, warnings=True))

    def keeps(self, path, text):
        self.assertEqual(rules_broken(path, text, warnings=True), [])

    def test_a_folder_includes_lower_floors_only(self):
        self.breaks("floor", "src/net/a.cpp", '#include "flow/message.h"\n')
        self.keeps("src/flow/a.cpp", '#include "net/loop.h"\n#include "base/result.h"\n')

    def test_siblings_on_one_floor_do_not_know_each_other(self):
        self.breaks("floor", "src/dataflow/a.cpp", '#include "destination/lake/lake.h"\n')
        self.breaks("floor", "src/net/a.cpp", '#include "wire/mqtt/packet.h"\n')
        self.breaks("floor", "src/flow/a.cpp", '#include "link/mqtt_client.h"\n')
        self.keeps("src/dataflow/plan/a.cpp", '#include "dataflow/language/program.h"\n')

    def test_components_of_source_and_destination_do_not_know_each_other(self):
        self.breaks("floor", "src/source/opcua/a.cpp", '#include "source/simulator/plc.h"\n')
        self.keeps("src/source/opcua/a.cpp", '#include "source/opcua/session.h"\n#include "source/door.h"\n')

    def test_app_includes_all_and_nobody_includes_app(self):
        self.keeps("src/app/main.cpp", '#include "source/opcua/service.h"\n#include "control/api/server.h"\n')
        self.breaks("floor", "src/control/a.cpp", '#include "app/components.h"\n')

    def test_our_headers_are_named_from_src(self):
        self.breaks("floor", "src/net/a.cpp", '#include "loop.h"\n')
        self.keeps("src/app/a.cpp", '#include "generated/ui.h"\n#include <boost/json.hpp>\n')

    def test_a_new_folder_needs_a_floor(self):
        self.breaks("floor", "src/utils/a.cpp", "int a;\n")

    def test_includes_in_comments_and_texts_do_not_count(self):
        self.keeps("src/base/a.cpp", '// #include "app/main.h"\nauto a = "#include \\"app/main.h\\"";\n')

    def test_system_headers_stay_in_net(self):
        self.breaks("system", "src/broker/a.cpp", "#include <sys/socket.h>\n")
        self.breaks("system", "src/wire/a.cpp", "#include <unistd.h>\n")
        self.keeps("src/net/os/a.cpp", "#include <sys/socket.h>\n#include <sys/epoll.h>\n")

    def test_file_length(self):
        self.breaks("file-length", "src/base/a.cpp", "int a;\n" * 801)
        self.assertEqual(rules_broken("src/base/a.cpp", "int a;\n" * 800), [])
        self.breaks("file-length", "src/base/a.cpp", "int a;\n" * 401)
        self.keeps("src/base/a.cpp", "int a;\n" * 400)

    def test_line_length_counts_letters_not_bytes(self):
        self.breaks("line-length", "src/base/a.cpp", "int " + "a" * 96 + ";\n")
        self.keeps("src/base/a.cpp", "int " + "a" * 95 + ";\n")
        self.keeps("src/base/a.cpp", "// " + "µ" * 97 + "\n")
        self.keeps("src/base/a.cpp", 'auto a = R"(\n' + "a" * 120 + ')";\n')

    def test_function_length(self):
        long_body = "void f() {\n" + "  g();\n" * 69 + "}\n"
        self.breaks("function-length", "src/base/a.cpp", long_body)
        self.keeps("src/base/a.cpp", "void f() {\n" + "  g();\n" * 68 + "}\n")

    def test_function_length_of_methods_lambdas_and_tests(self):
        body = "  g();\n" * 70
        self.breaks("function-length", "src/base/a.cpp", "namespace a {\nclass B {\n  int f() const {\n" + body + "}\n};\n}\n")
        self.breaks("function-length", "src/base/a.cpp", "void f() {\n  run([] {\n" + body + "  });\n}\n")
        self.breaks("function-length", "src/base/a_test.cpp", "TEST(A, does_it) {\n" + body + "}\n")
        self.breaks("function-length", "src/base/a.cpp", "A::A(int b) : b_{b}, c_{1} {\n" + body + "}\n")
        self.keeps("src/base/a.cpp", "const int table[] = {\n" + "  1,\n" * 90 + "};\n")
        self.keeps("src/base/a.cpp", "namespace a {\n" + "int b;\n" * 90 + "}\n")

    def test_parameters(self):
        self.breaks("parameters", "src/base/a.cpp", "void f(int a, int b, int c, int d, int e, int g) {}\n")
        self.breaks("parameters", "src/base/a.h", DOC + "class A {\n public:\n  void f(int a, int b, int c, int d, int e, int g);\n};\n")
        self.keeps("src/base/a.cpp", "void f(std::map<int, int> a, int b, int c, int d, int e = g(1, 2)) {}\n")
        self.keeps("src/base/a.cpp", "void f() {\n  g(1, 2, 3, 4, 5, 6);\n}\n")

    def test_nesting(self):
        def nested(depth):
            return "void f() {\n" + "if (a) {\n" * depth + "g();\n" + "}\n" * depth + "}\n"

        self.breaks("nesting", "src/base/a.cpp", nested(4))
        self.keeps("src/base/a.cpp", nested(3))

    def test_class_size_counts_public_methods_only(self):
        methods = "".join(f"  void m{n}();\n" for n in range(13))
        self.breaks("class-size", "src/base/a.h", DOC + "class A {\n public:\n" + methods + "};\n")
        self.breaks("class-size", "src/base/a.h", DOC + "struct A {\n" + methods + "};\n")
        self.keeps("src/base/a.h", DOC + "class A {\n public:\n  A();\n  void m();\n private:\n" + methods + "};\n")

    def test_header_begins_with_pragma_and_a_paragraph(self):
        self.breaks("pragma-once", "src/base/a.h", "/// A sentence that is long enough to say it.\nint a;\n")
        self.breaks("header-doc", "src/base/a.h", "#pragma once\n#include <string>\n/// A late sentence, long enough.\n")
        self.keeps("src/base/a.h", DOC + "int a;\n")

    def test_threads_stay_in_base_and_net(self):
        for name in ("mutex", "atomic<int>", "thread", "jthread", "condition_variable"):
            self.breaks("threads", "src/broker/a.cpp", f"std::{name} a;\n")
            self.keeps("src/net/a.cpp", f"std::{name} a;\n")
        self.keeps("src/broker/a.cpp", "// std::mutex is not allowed here\n")
        self.keeps("src/app/a.cpp", "auto cores = std::thread::hardware_concurrency();\n")

    def test_no_exceptions_on_the_data_plane(self):
        self.breaks("throw", "src/wire/a.cpp", "void f() {\n  throw Error();\n}\n")
        self.keeps("src/control/api/a.cpp", "void f() {\n  throw Error();\n}\n")
        self.keeps("src/wire/a.cpp", 'auto text = "throw";\n')

    def test_no_std_function_on_the_message_path(self):
        self.breaks("std-function", "src/broker/a.cpp", "std::function<void()> a;\n")
        self.keeps("src/broker/a.cpp", "std::move_only_function<void()> a;\n")
        self.keeps("src/control/a.cpp", "std::function<void()> a;\n")

    def test_no_bare_new_and_delete(self):
        self.breaks("new-delete", "src/base/a.cpp", "auto* a = new B();\n")
        self.breaks("new-delete", "src/base/a.cpp", "void f() {\n  delete a;\n}\n")
        self.keeps("src/base/a.cpp", "struct A {\n  A(const A&) = delete;\n  void* operator new(std::size_t) = delete;\n};\n")
        self.keeps("src/base/a.cpp", "// a new idea\nint new_value, newest;\n")

    def test_no_sleeps_and_no_wall_clock(self):
        self.breaks("sleep", "src/broker/a_test.cpp", "void f() {\n  std::this_thread::sleep_for(1s);\n}\n")
        self.breaks("wall-clock", "src/broker/a.cpp", "auto a = std::chrono::system_clock::now();\n")
        self.keeps("src/net/a.cpp", "auto a = std::chrono::system_clock::now();\n")

    def test_shared_ptr_needs_a_reason(self):
        self.breaks("shared-ptr", "src/broker/a.cpp", "std::shared_ptr<int> a;\n")
        self.keeps("src/broker/a.cpp", "std::unique_ptr<int> a;\n")

    def test_no_braces_after_co_await(self):
        self.breaks("co-await", "src/link/a.cpp", "void f() {\n  auto a = co_await g(Options{1});\n}\n")
        self.breaks("co-await", "src/link/a.cpp", "void f() {\n  co_await g([&] { h(); });\n}\n")
        self.keeps("src/link/a.cpp", "void f() {\n  auto o = Options{1};\n  auto a = co_await g(std::move(o));\n}\n")
        self.keeps("src/link/a.cpp", "void f() {\n  if (co_await g(a)) {\n    h();\n  }\n}\n")

    def test_no_co_await_inside_a_condition(self):
        self.breaks("co-await", "src/link/a.cpp", "void f() {\n  auto a = b && co_await g();\n}\n")
        self.breaks("co-await", "src/link/a.cpp", "void f() {\n  auto a = b ? co_await g() : 1;\n}\n")
        self.keeps("src/link/a.cpp", "void f() {\n  auto&& a = co_await g();\n}\n")

    def test_unfinished_work_names_its_issue(self):
        self.breaks("todo", "src/base/a.cpp", "// TODO: later\n")
        self.breaks("todo", "ui/src/a.ts", "// FIXME\n")
        self.keeps("src/base/a.cpp", "// TODO(#12): later\n")

    def test_paths_of_one_machine(self):
        self.breaks("machine-path", "docs/a.md", "see /home/jane/wireway/build\n")
        self.breaks("machine-path", "src/base/a.cpp", 'auto a = "/root/wireway/x";\n')
        self.keeps("docs/a.md", "see ~/.cache/wireway and $HOME/work/x and https://example.com/home/a/b\n")

    def test_lock_files_name_no_host(self):
        self.breaks("lock-host", "ui/package-lock.json", '{"resolved": "https://registry.example/a.tgz"}')
        self.keeps("ui/package-lock.json", '{"integrity": "sha512-x"}')

    def test_lock_files_name_the_packages_of_other_systems(self):
        lock = {"packages": {"node_modules/a": {"optionalDependencies": {"a-darwin-arm64": "1.0.0"}}}}
        self.breaks("lock-complete", "ui/package-lock.json", json.dumps(lock))
        self.assertEqual(completion.complete(lock), ["a-darwin-arm64"])
        self.keeps("ui/package-lock.json", json.dumps(lock))
        entry = lock["packages"]["node_modules/a-darwin-arm64"]
        self.assertEqual((entry["version"], entry["os"], entry["cpu"]), ("1.0.0", ["darwin"], ["arm64"]))

    def test_a_package_of_an_unknown_system_is_not_guessed(self):
        with self.assertRaises(ValueError):
            completion.complete({"packages": {"node_modules/a": {"optionalDependencies": {"mystery": "1.0.0"}}}})


class SourceTest(unittest.TestCase):
    def test_literals_are_blanked_and_positions_stay(self):
        text = 'a("//{", \'{\', R"(})", 1\'000); // {\n/* { */ b();\n'
        code = Source("a.cpp", text).code
        self.assertEqual(len(code), len(text))
        self.assertNotIn("{", code)
        self.assertIn("b();", code)

    def test_functions_are_found_by_name(self):
        text = (
            "namespace a {\ntemplate <class T>\nT f(T x) {\n  return x;\n}\n"
            "bool operator==(const A& a, const B& b) { return true; }\n"
            "struct C {\n  explicit C(int n) : n_(n) {}\n  auto g() const -> int { return 1; }\n  int n_;\n};\n}\n"
        )
        found = [(f.name, f.parameters) for f in Source("a.cpp", text).functions]
        self.assertEqual(found, [("f", 1), ("operator==", 2), ("C", 1), ("g", 0)])


class TreeTest(unittest.TestCase):
    """The command on a small checkout of its own."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.write("src/base/README.md", "# base\n")
        self.write("src/base/a.cpp", "int a;\n")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def run_tidy(self):
        command = [sys.executable, str(HERE / "tidy"), "--root", str(self.root)]
        return subprocess.run(command, capture_output=True, text=True)

    def test_a_clean_tree_passes(self):
        answer = self.run_tidy()
        self.assertEqual((answer.returncode, answer.stdout), (0, "tidy: 2 files, 0 findings, 0 warnings\n"))

    def test_a_finding_fails_and_names_file_line_and_rule(self):
        self.write("src/base/a.cpp", 'int a;\n#include "net/loop.h"\n')
        answer = self.run_tidy()
        self.assertEqual(answer.returncode, 1)
        self.assertIn("src/base/a.cpp:2: floor: base (floor 1) must not include net (floor 2)", answer.stdout)

    def test_a_folder_needs_a_short_readme(self):
        self.write("src/net/a.cpp", "int a;\n")
        self.assertIn("src/net:1: readme: no README.md", self.run_tidy().stdout)
        self.write("src/net/README.md", "line\n" * 41)
        self.assertIn("src/net/README.md:1: readme: 41 lines", self.run_tidy().stdout)

    def test_an_exception_needs_a_reason_and_a_use(self):
        self.write("src/base/a.cpp", '#include "net/loop.h"\n')
        self.write("tools/tidy.allow", "floor src/base/a.cpp -- moved with the next change\n")
        self.assertEqual(self.run_tidy().returncode, 0)
        self.write("tools/tidy.allow", "floor src/base/a.cpp\n")
        self.assertIn("write 'rule path -- reason'", self.run_tidy().stdout)
        self.write("src/base/a.cpp", "int a;\n")
        self.write("tools/tidy.allow", "floor src/base/a.cpp -- moved with the next change\n")
        self.assertIn("tools/tidy.allow:1: stale", self.run_tidy().stdout)


class WrapTest(unittest.TestCase):
    def test_long_comments_are_broken_and_labels_stay_apart(self):
        long_line = "/// Thread: " + "word " * 25
        wrapped = wrap.wrap_lines([long_line.rstrip(), "/// Owns:   its queue", "int a;"])
        self.assertTrue(all(len(line) <= 100 for line in wrapped))
        self.assertTrue(wrapped[1].startswith("///         word"))
        self.assertEqual(wrapped[-2:], ["/// Owns:   its queue", "int a;"])

    def test_a_long_comment_behind_code_moves_above_it(self):
        wrapped = wrap.wrap_lines(["  int a;  ///< " + "word " * 20 + "end"])
        self.assertEqual(wrapped, ["  /// " + "word " * 18 + "word", "  /// word end", "  int a;"])

    def test_comments_that_fit_stay_as_they_are(self):
        lines = ["/// One", "/// two.", "", "int a;  // three"]
        self.assertEqual(wrap.wrap_lines(lines), lines)


class RunnerTest(unittest.TestCase):
    """The counts that tools/test takes from other programs' output."""

    def test_counts_come_in_any_order_and_from_the_last_fitting_line(self):
        text = "e2e: 1 passed, 0 failed\nnoise 9 passed\ne2e: 4 passed, 2 failed, 1 skipped\n"
        self.assertEqual(str(runner.counts_in_line(text, r"^e2e: ")), "4 passed, 2 failed, 1 skipped")
        self.assertEqual(str(runner.counts_in_line("1 failed | 7 passed (8)", r"^")), "7 passed, 1 failed")
        self.assertEqual(str(runner.counts_in_line("nothing", r"^e2e: ")), "0 passed, 0 failed")

    def test_cases_of_gtest_programs_are_counted_and_crashes_fail(self):
        cases = (
            '<testcase status="run"><system-out>[  PASSED  ] 12 tests.</system-out></testcase>'
            '<testcase status="fail"><system-out>[  PASSED  ] 3 tests.\n[  FAILED  ] 2 tests, listed below:</system-out></testcase>'
            '<testcase status="fail"><system-out>Segmentation fault</system-out></testcase>'
            '<testcase status="run"><system-out>fine</system-out></testcase>'
        )
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "ctest.xml"
            report.write_text(f"<testsuite>{cases}</testsuite>", encoding="utf-8")
            self.assertEqual(str(runner.counts_of_ctest(report)), "16 passed, 3 failed")

    def test_a_command_that_ran_nothing_has_failed(self):
        run = runner.Run.__new__(runner.Run)
        run.counts = runner.Counts()
        run.counted(0, runner.Counts())
        self.assertEqual(run.counts.failed, 1)


class ReferenceTest(unittest.TestCase):
    def test_a_page_has_a_row_for_each_field_at_every_depth(self):
        ports = {"type": "array", "description": "The\n  ports.", "items": {
            "type": "object", "required": ["port"], "properties": {
                "port": {"type": "integer", "minimum": 1, "description": "a|b"},
                "tls": {"type": "boolean", "default": True}}}}
        schema = {"description": "A door.", "properties": {"spec": {"properties": {"ports": ports}}}}
        page = load("reference").page_of({"spec": {
            "group": "g", "names": {"kind": "Door", "plural": "doors", "shortNames": ["d"]},
            "versions": [{"name": "v1", "storage": True, "schema": {"openAPIV3Schema": schema}}]}})
        self.assertIn("# Door\n\nA door.\n", page)
        self.assertIn("| `ports` | list of object |  | The ports. |\n", page)
        self.assertIn("| `ports[].port` | integer | required; at least 1 | a\\|b |\n", page)
        self.assertIn("| `ports[].tls` | boolean | default `true` |  |\n", page)


class LicenceTest(unittest.TestCase):
    def test_expressions(self):
        for free in ("MIT", "(MIT OR GPL-3.0)", "MIT AND (ISC OR GPL-2.0)", "Apache-2.0"):
            self.assertTrue(licences.is_free(free), free)
        for bound in ("GPL-3.0", "MIT AND GPL-2.0", "AGPL-3.0-only", "UNLICENSED", "", "SEE LICENSE IN x", "(MIT"):
            self.assertFalse(licences.is_free(bound), bound)

    def test_a_lock_file_with_a_bound_or_unknown_licence_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            lock = Path(folder) / "package-lock.json"
            entries = {"": {}, "node_modules/a": {"license": "MIT"}, "node_modules/b": {"license": "GPL-3.0", "version": "1"},
                       "node_modules/c": {}}
            lock.write_text(json.dumps({"packages": entries}), encoding="utf-8")
            found = list(licences.check_lock(lock, set(), set()))
            self.assertEqual(found, ["b 1: licence 'GPL-3.0'", "c : no licence stated"])
            self.assertEqual(len(list(licences.check_lock(lock, {"c"}, set()))), 1)


if __name__ == "__main__":
    unittest.main()
