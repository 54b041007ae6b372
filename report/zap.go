package report

import (
	"cmp"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"fairlead.dev"
)

// zapLog is what ZAP writes as its traditional JSON report.
type zapLog struct {
	Version string `json:"@version"`
	Sites   []struct {
		Alerts []zapAlert `json:"alerts"`
	} `json:"site"`
}

type zapAlert struct {
	PluginID   word          `json:"pluginid"`
	Ref        word          `json:"alertRef"`
	Alert      string        `json:"alert"`
	Name       string        `json:"name"`
	Risk       word          `json:"riskcode"`   // 0 informational to 3 high
	Confidence word          `json:"confidence"` // 0 false positive to 4 confirmed
	Solution   string        `json:"solution"`
	CWE        word          `json:"cweid"` // -1 for none
	Instances  []zapInstance `json:"instances"`
}

// zapInstance is where an alert was seen. Attack and evidence are never kept:
// they may hold what belongs to people.
type zapInstance struct {
	URI    string `json:"uri"`
	Method string `json:"method"`
	Param  string `json:"param"`
	Attack string `json:"attack"`
}

func readZAP(c *collector, b []byte) error {
	var log zapLog
	if err := decode(b, &log); err != nil {
		return wrong(err)
	}
	tool := c.tool("zap", strings.TrimPrefix(log.Version, "D-"))
	for _, site := range log.Sites {
		for _, a := range site.Alerts {
			severity, counts := map[word]fairlead.Severity{
				"1": fairlead.SeverityLow, "2": fairlead.SeverityMedium, "3": fairlead.SeverityHigh,
			}[a.Risk], a.Risk != "0"
			switch {
			case a.Confidence == "0":
				c.report.Excused++
			case !counts:
				c.report.Notes++
			default:
				c.zapAlert(tool, cmp.Or(severity, fairlead.SeverityUnknown), a)
			}
		}
	}
	return c.full
}

// zapAlert takes in an alert: one finding for each parameter that was attacked,
// and one for all places where something was merely seen, such as a header that
// is missing.
func (c *collector) zapAlert(tool string, severity fairlead.Severity, a zapAlert) {
	f := fairlead.Finding{
		Category: fairlead.CategoryDAST, Rule: string(cmp.Or(a.Ref, a.PluginID)), ToolVersion: tool, Severity: severity,
		SeveritySource: fmt.Sprintf("riskcode %s, confidence %s", clean(string(a.Risk), 5), clean(string(a.Confidence), 5)),
		Fix:            plain(a.Solution), CWE: weaknesses("CWE-" + string(a.CWE)),
	}
	var seen []string
	for _, x := range a.Instances {
		place := request(x.Method, x.URI, x.Param)
		if x.Attack == "" {
			if !slices.Contains(seen, place) && len(seen) < 5*maxFurther {
				seen = append(seen, place)
			}
			continue
		}
		f.Resource, f.Message = place, cmp.Or(a.Alert, a.Name)+" at "+place
		c.add(f, "report", "zap", f.Rule, place)
	}
	if len(seen) > 0 || len(a.Instances) == 0 {
		f.Resource, f.Message = some(seen), strings.TrimSuffix(cmp.Or(a.Alert, a.Name)+" at "+some(seen), " at ")
		c.add(f, "report", "zap", f.Rule)
	}
}

// some names a few places.
func some(places []string) string {
	slices.Sort(places)
	if len(places) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(places[:3], ", "), len(places)-3)
	}
	return strings.Join(places, ", ")
}

var tag = regexp.MustCompile(`<[^<>]{0,200}>`)

// plain is a text without its HTML.
func plain(s string) string {
	if len(s) > 8*maxText {
		s = strings.ToValidUTF8(s[:8*maxText], "")
	}
	return html.UnescapeString(tag.ReplaceAllString(s, " "))
}
