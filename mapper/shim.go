package mapper

import "simscim/config"

type cfgProblem struct {
	At         config.Pos
	Path, What string
}

type cfgProblems []cfgProblem

func place(e config.Expr, line, col int) config.Pos {
	at := e.At
	if line > 1 {
		at.Line, at.Col = at.Line+line-1, col
	} else {
		at.Col += col - 1
	}
	return at
}
