"""The page of benchmarks has each program's rows."""

from benchmarks import page

PAGE = f"""{page.HEAD}
## b

What b takes.

| case | ms |
| --- | --- |
| one | 1.5 |
| two | 2.5 |

rounds 3, cpus 2.
"""


def test_rows_of_programs_are_tables_and_many_are_a_link(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "b.py").write_text('"""What b takes.\n\nMore."""\n')
    rows = "benchmark,case,ms,rounds,cpus\nb,one,1.5,3,2\nb,two,2.5,3,2\n"
    (tmp_path / "results" / "b.csv").write_text(rows)
    (tmp_path / "results" / "no_program.csv").write_text(rows)
    assert page.text(tmp_path) == PAGE
    many = rows + "b,two,2.5,3,2\n" * page.MOST_ROWS
    (tmp_path / "results" / "b.csv").write_text(many)
    assert "[62 rows](../benchmarks/results/b.csv)" in page.text(tmp_path)
